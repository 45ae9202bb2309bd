"""The keys of the built-in namers, apart from their code, so that describing them imports nothing else."""

import attrs

from mesh import key


@attrs.frozen
class FsConfig:
    """Finds endpoints in files: one file per service, one `host port` per line."""

    root_dir: str = key(
        "The directory of the files; must exist when the stack file is read. Relative to the working directory. No name "
        "leads outside, by `..` or by a symbolic link. Files are looked at every 250 ms, so it should be a local one."
    )


@attrs.frozen
class RewriteConfig:
    """Replaces a name by another one, made of parts of the first."""

    pattern: str = key(
        "What the name must begin with, after the prefix: segments, `*` for any one, `{capture}` for any text in one. "
        "The rest of the name is dropped. A name that does not match is negative."
    )
    name: str = key("The new name; `{capture}` stands for what the pattern captured. It is looked up in turn.")


@attrs.frozen
class SystemConfig:
    """The names that every router knows, under `/$`."""
