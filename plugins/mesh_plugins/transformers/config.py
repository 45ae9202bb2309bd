"""The keys of the built-in transformers, apart from their code, so that describing them imports nothing else."""

import attrs

from mesh import Path, key


@attrs.frozen
class LocalhostConfig:
    """Keeps the addresses of this host."""


@attrs.frozen
class SpecificHostConfig:
    """Keeps the addresses of one host."""

    host: str = key("The host: an IP address, or a name, whose addresses are looked up and followed.")


@attrs.frozen
class PortConfig:
    """Replaces the port of every address."""

    port: int = key("The port that every address gets.", least=1, most=65535)

    @property
    def default_prefix(self) -> str:
        """What ids begin with unless `prefix` says otherwise: the port belongs to it."""
        return f"io.l5d.port/{self.port}"


@attrs.frozen
class ReplaceConfig:
    """Replaces every bound name by one path; what is not found stays not found."""

    path: Path = key(
        "The path, below `/$`, or, for an interpreter, below the prefix of a namer: no dtab applies to it."
    )


@attrs.frozen
class ConstConfig:
    """Binds one path, whatever was found, and even if nothing was."""

    path: Path = key(
        "The path, below `/$`, or, for an interpreter, below the prefix of a namer: no dtab applies to it."
    )
