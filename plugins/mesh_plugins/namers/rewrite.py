"""The `io.l5d.rewrite` namer: replaces a name by another one. Source: linkerd, RewritingNamer.scala."""

import re
from typing import Final

from mesh import (
    NEG,
    ConfigError,
    Fixed,
    Leaf,
    Life,
    Looked,
    NameSyntaxError,
    Path,
    PathPattern,
    Problem,
    Readable,
    substitute,
)
from mesh_plugins.namers.config import RewriteConfig

_CAPTURE: Final = re.compile(r"\{([0-9A-Za-z.:_-]+)\}")


class RewriteNamer:
    """A name that begins as the pattern says is replaced as a whole; what the pattern leaves over is dropped.

    A capture may be empty (`{a}.com` of `.com`). Where that leaves no legal name, there is no match.
    """

    def __init__(self, config: RewriteConfig, _prefix: Path, _life: Life) -> None:
        """Raise `ConfigError` if pattern or name cannot be read, or the name uses what the pattern does not capture."""
        try:
            self._pattern = PathPattern.read(config.pattern)
        except NameSyntaxError as error:
            raise ConfigError(Problem(str(error), key="pattern", expected="a path pattern")) from error
        self._name = config.name
        captured = set(_CAPTURE.findall(config.pattern))
        unknown = [name for name in _CAPTURE.findall(config.name) if name not in captured]
        if unknown:
            raise ConfigError(Problem(f"the pattern captures no {{{unknown[0]}}}", key="name"))
        try:
            Path.read(_CAPTURE.sub("x", config.name))
        except NameSyntaxError as error:
            raise ConfigError(Problem(str(error), key="name", expected="a path")) from error

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the new name, or negative."""
        captures = self._pattern.match(path)
        if captures is None:
            return Fixed(NEG)
        try:
            return Fixed(Leaf(Path.read(substitute(self._name, captures))))
        except NameSyntaxError:
            return Fixed(NEG)
