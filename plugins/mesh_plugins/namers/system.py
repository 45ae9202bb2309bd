"""The namer of `/$`: finds out by the first element who answers.

Source: finagle-core, Namer.scala (`global`), and linkerd, DefaultInterpreterInitializer.scala (`UnknownNamer`).
"""

from typing import Final

from mesh import FAIL, NEG, Empty, Failed, Fixed, Life, Looked, Namer, Path, Readable
from mesh_plugins.namers.config import SystemConfig
from mesh_plugins.namers.hosts import Hosts, Resolve
from mesh_plugins.namers.inet import Inet, Rinet, unknown
from mesh_plugins.namers.rewriting import REWRITES, Rewriting

NOT_BUILT: Final = (b"io.buoyant.namer.zk.leader",)


class _Always:
    """Answers the same to every name."""

    def __init__(self, answer: Looked) -> None:
        self._answer = Fixed(answer)

    def lookup(self, _path: Path) -> Readable[Looked]:
        return self._answer


class SystemNamer:
    """Knows `inet`, `fixedinet`, `nil`, `fail` and linkerd's `io.buoyant.…`; another name is an error, not negative."""

    def __init__(self, prefix: Path, life: Life, resolve: Resolve | None = None) -> None:
        """Take the whole prefix of its names, `/$`."""
        hosts = Hosts(life, resolve)
        self._prefix = prefix
        self._namers: dict[bytes, Namer] = {
            b"inet": Inet(prefix + Path.utf8("inet"), hosts),
            b"fixedinet": Inet(prefix + Path.utf8("fixedinet"), hosts, once=True),
            b"io.buoyant.rinet": Rinet(prefix + Path.utf8("io.buoyant.rinet"), hosts),
            b"nil": _Always(Empty()),
            b"fail": _Always(FAIL),
        }
        self._namers |= {name.encode(): Rewriting(rewrite) for name, rewrite in REWRITES.items()}
        self._namers |= {name: _Always(Failed(f"{name.decode()} is not built yet")) for name in NOT_BUILT}

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return what the namer of the first element says of the rest; `/$` itself is negative."""
        if not path:
            return Fixed(NEG)
        namer = self._namers.get(path[0])
        return Fixed(unknown(self._prefix + path)) if namer is None else namer.lookup(path[1:])


def system(_config: SystemConfig | None, prefix: Path, life: Life) -> SystemNamer:
    """Return the namer of `/$`, which has no keys."""
    return SystemNamer(prefix, life)
