"""The keys that Mux adds to a stack file."""

from collections.abc import Mapping
from typing import ClassVar

import attrs

from mesh import key


@attrs.frozen(kw_only=True)
class MuxRouterKeys:
    """What a router says of Mux: nothing; the destination of a call names it."""


@attrs.frozen(kw_only=True)
class MuxServerKeys:
    """What a server of the protocol mux has for a default."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4141}


@attrs.frozen(kw_only=True)
class MuxClientKeys:
    """What a client says of Mux."""

    ping_period_ms: int | None = key(
        "Each connection is pinged so often, in ms, so that a dead one is known before a call is lost on it; `null` is never.",
        5000,
        least=1,
    )
    ping_timeout_ms: int = key(
        "A connection over which a ping is not answered for so long is closed, in ms.", 4000, least=1
    )
