"""Names that say host and port: `/$/inet/HOST/PORT`, `/$/inet/PORT`, `/$/fixedinet/…`, `/$/io.buoyant.rinet/PORT/HOST`.

They are bound at once; whether the host exists is a matter of its address set. Source: finagle-core, Namer.scala
(`InetPath`), and linkerd, rinet.scala.
"""

import re
from typing import Final

from mesh import NEG, Addr, AddrFailed, BoundName, Failed, Fixed, Leaf, Looked, Path, Readable
from mesh_plugins.namers.hosts import Hosts

_INTEGER: Final = re.compile(rb"[+-]?[0-9]{1,10}")
_INT32: Final = range(-(2**31), 2**31)  # what Finagle takes for a number; a port out of range is bound, and fails


class Inet:
    """`/HOST/PORT` or, for this machine, `/PORT`; what follows is residual."""

    def __init__(self, prefix: Path, hosts: Hosts, *, once: bool = False) -> None:
        """Take the whole prefix of its names; with `once`, a host's first addresses stay."""
        self._prefix = prefix
        self._hosts = hosts
        self._once = once

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the name bound, or failed if there is no port in it."""
        elems = path.elems
        if len(elems) > 1 and _is_integer(elems[1]):
            return self._bound(path, 2, elems[0], int(elems[1]))
        if elems and _is_integer(elems[0]):
            return self._bound(path, 1, b"", int(elems[0]))
        return Fixed(unknown(self._prefix + path))

    def _bound(self, path: Path, size: int, host: bytes, port: int) -> Readable[Looked]:
        try:
            addr = self._hosts.addr(host.decode(), port, once=self._once)
        except UnicodeDecodeError:
            return Fixed(NEG)
        return Fixed(Leaf(BoundName(self._prefix + path[:size], path[size:], addr)))


class Rinet:
    """`/PORT/HOST`; what follows is residual."""

    def __init__(self, prefix: Path, hosts: Hosts) -> None:
        """Take the whole prefix of its names."""
        self._prefix = prefix
        self._hosts = hosts

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the name bound, or negative if it is too short."""
        if len(path) < 2:
            return Fixed(NEG)
        port, host = path[0], path[1]
        try:
            addr: Readable[Addr] = (
                self._hosts.addr(host.decode(), int(port))
                if _is_integer(port)
                else Fixed(AddrFailed(f"not a port: {port.decode()}"))
            )
        except UnicodeDecodeError:
            return Fixed(NEG)
        return Fixed(Leaf(BoundName(self._prefix + path[:2], path[2:], addr)))


def unknown(path: Path) -> Looked:
    """Return the answer for a name under `/$` that no one knows, in linkerd's words; negative if it is no text."""
    try:
        kind = [elem.decode() for elem in path][1]
    except UnicodeDecodeError:
        return NEG
    return Failed(f"Unknown namer: {kind} for path: {path}")


def _is_integer(elem: bytes) -> bool:
    return _INTEGER.fullmatch(elem) is not None and int(elem) in _INT32
