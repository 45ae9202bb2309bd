"""The first bytes of a connection whose client may speak either version of HTTP."""

import attrs

from mesh import Connection, Switch
from mesh_plugins.connections.arriving import Arriving

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a connection begins with that speaks HTTP/2. Source: RFC 9113 section 3.4."""


@attrs.frozen
class Arrived:
    """What came first: nothing, if the client went away or said nothing for too long."""

    data: bytes = b""
    is_http2: bool = False


async def first_bytes(connection: Connection, switch: Switch, seconds: float) -> Arrived:
    """Read until it is clear what the client speaks; the bytes are to be given to whoever serves it then."""
    data = await Arriving(connection, switch, seconds).first_bytes(_is_clear)
    return Arrived(data, data.startswith(PREFACE))


def _is_clear(data: bytes) -> bool:
    return len(data) >= len(PREFACE) or not PREFACE.startswith(data)
