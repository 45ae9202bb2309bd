"""The first bytes of a connection whose client may speak either version of HTTP."""

import math

import attrs
import trio

from mesh import AnyService, Connection, Switch

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a connection begins with that speaks HTTP/2. Source: RFC 9113 section 3.4."""
HURRY_SECONDS = 1.0
GONE = (trio.BrokenResourceError, trio.ClosedResourceError)


@attrs.frozen
class Arrived:
    """What came first: nothing, if the client went away or said nothing for too long."""

    data: bytes = b""
    is_http2: bool = False


class Arriving:
    """A connection until its first bytes have told what it speaks. It is closed if none come within `seconds`."""

    __slots__ = ("_connection", "_seconds", "_switch")

    def __init__(self, connection: Connection, switch: Switch, seconds: float) -> None:
        self._connection = connection
        self._switch = switch
        self._seconds = seconds

    async def first_bytes(self) -> Arrived:
        """Read until it is clear what the client speaks; the bytes are to be given to whoever serves it then."""
        connection = self._connection
        connection.deadline = trio.current_time() + self._seconds
        self._switch.connections.add(self)
        arrived = Arrived()
        try:
            data = b""
            while PREFACE.startswith(data) and len(data) < len(PREFACE):
                more = await connection.receive_some()
                if not more:
                    break
                data += more
            arrived = Arrived(data, data.startswith(PREFACE))
            connection.deadline = math.inf
        except (trio.TooSlowError, *GONE):
            arrived = Arrived()
        finally:
            self._switch.connections.discard(self)
            if not arrived.data:
                connection.close()
        return arrived

    def drain(self) -> None:
        """Close in a moment unless a request begins."""
        self.hurry()

    def hurry(self) -> None:
        self._connection.hasten(trio.current_time() + HURRY_SECONDS)

    def leaves(self, service: AnyService) -> bool:
        return True
