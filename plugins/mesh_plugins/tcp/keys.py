"""The keys that plain TCP adds to a stack file."""

import attrs

from mesh import Category, Chosen, key


@attrs.frozen(kw_only=True)
class TcpRouterKeys:
    """What a router says of TCP."""

    identifier: tuple[Chosen, ...] = key(
        "What names a connection; several are asked in order.",
        category=Category.IDENTIFIER,
        default_kind="io.l5d.port",
    )


@attrs.frozen(kw_only=True)
class TcpServerKeys:
    """What a server says of TCP."""

    tunnel_idle_time_ms: int = key(
        "A connection in which nothing moves for so long is closed, in ms.", 3600000, least=1
    )
