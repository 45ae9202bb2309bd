"""The names `/$/io.buoyant.…` that rewrite what follows them: hosts and ports apart, domains to paths.

Each function takes the elements after its name and returns those of the new path, or None if they do not fit.
Source: linkerd, http.scala and hostport.scala in namer/core.
"""

import re
from collections.abc import Callable
from typing import Final

from mesh import NEG, Fixed, Leaf, Looked, Path, Readable

Elems = tuple[bytes, ...]
Rewrite = Callable[[Elems], Elems | None]

_METHOD: Final = re.compile(rb"[A-Z]+")
_HOST: Final = re.compile(rb"[A-Za-z0-9.:_-]+")
_PORT: Final = re.compile(rb"[a-z0-9][-a-z0-9]{0,62}")  # a number or a DNS label


class Rewriting:
    """A namer that rewrites every name by one function."""

    def __init__(self, rewrite: Rewrite) -> None:
        self._rewrite = rewrite

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the new path, or negative."""
        new = self._rewrite(path.elems)
        return Fixed(NEG if new is None or b"" in new else Leaf(Path(new)))


def _without(pattern: re.Pattern[bytes]) -> Rewrite:
    """`/x/rest` is `/rest` if `x` is of the pattern."""

    def rewrite(elems: Elems) -> Elems | None:
        return elems[1:] if elems and pattern.fullmatch(elems[0]) else None

    return rewrite


def _behind_prefix(rewrite: Rewrite) -> Rewrite:
    """The first element stays, and the others are rewritten."""

    def rewrite_others(elems: Elems) -> Elems | None:
        new = rewrite(elems[1:]) if elems else None
        return None if new is None else elems[:1] + new

    return rewrite_others


def _subdomain(elems: Elems) -> Elems | None:
    """`/domain/sub.domain/rest` is `/sub/rest`; a port is dropped."""
    if len(elems) < 2 or not _HOST.fullmatch(elems[0]) or not _HOST.fullmatch(elems[1]):
        return None
    domain, host = elems[:2]
    colon = host.find(b":")
    if colon > 0:
        host = host[:colon]
    sub = host.removesuffix(b"." + domain)
    return None if sub in (host, b"") else (sub, *elems[2:])


def _subdomain_behind_prefix(elems: Elems) -> Elems | None:
    """`/domain/pfx/sub.domain/rest` is `/pfx/sub/rest`."""
    if len(elems) < 3:
        return None
    new = _subdomain((elems[0], *elems[2:]))
    return None if new is None else (elems[1], *new)


def _domain_to_path(elems: Elems) -> Elems | None:
    """`/foo.buoyant.io/rest` is `/io/buoyant/foo/rest`; a dot at the end counts for nothing."""
    if not elems or not _HOST.fullmatch(elems[0]):
        return None
    return (*reversed(elems[0].removesuffix(b".").split(b".")), *elems[1:])


def _host_port(elems: Elems) -> Elems | None:
    """`/host:port/rest` is `/host/port/rest`."""
    host, colon, port = elems[0].partition(b":") if elems else (b"", b"", b"")
    return (host, port, *elems[1:]) if colon and _PORT.fullmatch(port) else None


def _port_host(elems: Elems) -> Elems | None:
    """`/host:port/rest` is `/port/host/rest`."""
    new = _host_port(elems)
    return None if new is None else (new[1], new[0], *new[2:])


REWRITES: Final[dict[str, Rewrite]] = {
    "io.buoyant.hostportPfx": _behind_prefix(_host_port),
    "io.buoyant.porthostPfx": _behind_prefix(_port_host),
    "io.buoyant.http.anyMethod": _without(_METHOD),
    "io.buoyant.http.anyMethodPfx": _behind_prefix(_without(_METHOD)),
    "io.buoyant.http.anyHost": _without(_HOST),
    "io.buoyant.http.anyHostPfx": _behind_prefix(_without(_HOST)),
    "io.buoyant.http.subdomainOf": _subdomain,
    "io.buoyant.http.subdomainOfPfx": _subdomain_behind_prefix,
    "io.buoyant.http.domainToPath": _domain_to_path,
    "io.buoyant.http.domainToPathPfx": _behind_prefix(_domain_to_path),
}
"""The rewriting functions by the name that follows `/$/`."""
