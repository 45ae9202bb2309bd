"""The keys that Mux adds to a stack file."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from mesh import key
from mesh_plugins.access_log.keys import AccessLogKeys


@attrs.frozen(kw_only=True)
class MuxRouterKeys(AccessLogKeys):
    """What a router says of Mux: how it logs; the destination of a call names it."""


@attrs.frozen(kw_only=True)
class MuxServerKeys:
    """What a server of the protocol mux has for a default."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4141}


def ping_period_key() -> Any:
    """Return the field of how often connections are pinged; clients of more than one protocol have it."""
    return key(
        "Each connection is pinged so often, in ms, so that a dead one is known before a call is lost on it; `null` is never.",
        5000,
        least=1,
    )


def ping_timeout_key() -> Any:
    """Return the field of how long an answer to a ping may take."""
    return key("A connection over which a ping is not answered for so long is closed, in ms.", 4000, least=1)


@attrs.frozen(kw_only=True)
class MuxClientKeys:
    """What a client says of Mux."""

    ping_period_ms: int | None = ping_period_key()
    ping_timeout_ms: int = ping_timeout_key()
