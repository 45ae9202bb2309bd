"""Identifiers of Thrift calls: what names one. Source: linkerd router/thrift, Identifier.scala and Dest.scala."""

from collections.abc import Callable

import attrs

from mesh import BadRequestContext, NameSyntaxError, Path, key
from mesh_plugins.thrift.message import ThriftRequest

MEMO = 4096  # names remembered per identifier; cleared when full, so that inventing methods costs no memory
LONGEST = 256  # a name longer than this is one like any other, but not remembered

ThriftIdentifier = Callable[[ThriftRequest], Path]


@attrs.frozen
class ThriftConfig:
    """Names a call by where it is addressed to, its service and its method: `/svc[/<dest>][/<service>][/<method>]`.

    The destination is TTwitter's, the service that of a multiplexed name, `service:method`.
    """

    method_in_dst: bool = key("The method is part of the name; `thriftMethodInDst` of the router says so too.", False)


def thrift(config: ThriftConfig, prefix: Path) -> ThriftIdentifier:
    """Return the identifier; it remembers names, since they repeat."""
    has_method = config.method_in_dst
    memo: dict[bytes, Path] = {}

    def identify(request: ThriftRequest) -> Path:
        name = request.head.name
        path = memo.get(name)
        if path is None:  # rather than `or`, which asks a path for its length: 0.05 µs
            path = remember(name)
        header = request.header
        return path if header is None or not header.dest else _with_dest(prefix, header.dest, path)

    def remember(name: bytes) -> Path:
        path = prefix + Path(segments(name, has_method))
        if len(name) <= LONGEST:
            if len(memo) >= MEMO:
                memo.clear()
            memo[name] = path
        return path

    return identify


def segments(name: bytes, has_method: bool) -> tuple[bytes, ...]:
    """Return what a call's method adds to its name: a multiplexed service, and the method itself if it is to."""
    service, colon, method = name.rpartition(b":")
    segments = (service,) if colon and service else ()
    return (*segments, method) if has_method and method else segments


def _with_dest(prefix: Path, dest: bytes, path: Path) -> Path:
    """Put a destination, a path as text or one segment of any kind, behind the prefix."""
    if not dest.startswith(b"/"):
        middle = Path((dest,))
    else:
        try:
            middle = Path.read(dest.decode("latin-1"))
        except NameSyntaxError as error:
            raise BadRequestContext(f"the destination of the call is no path: {error}") from error
    return prefix + middle + path[len(prefix) :]
