"""A connection until its first bytes have told what it speaks, on ports where clients speak more than one protocol."""

import math
from collections.abc import Callable

import trio

from mesh import AnyService, Connection, Switch
from mesh_plugins.connections.gone import GONE

HURRY_SECONDS = 1.0


class Arriving:
    """See the module. The connection is closed if its client goes away, or what it speaks is not clear within `seconds`.

    Once something has come, no more than `begun_seconds` are left. `is_idle`: it was closed because nothing came at all.
    """

    __slots__ = ("_begun_seconds", "_connection", "_seconds", "_switch", "is_idle")

    def __init__(self, connection: Connection, switch: Switch, seconds: float, begun_seconds: float = math.inf) -> None:
        self._connection = connection
        self._switch = switch
        self._seconds = seconds
        self._begun_seconds = begun_seconds
        self.is_idle = False

    async def first_bytes(self, is_clear: Callable[[bytes], bool]) -> bytes:
        """Read until `is_clear`, or the client has closed its side; the bytes are to be given to whoever serves it then.

        Nothing is returned if the connection was closed.
        """
        connection = self._connection
        connection.deadline = trio.current_time() + self._seconds
        self._switch.connections.add(self)
        data = arrived = b""
        try:
            while not is_clear(data):
                more = await connection.receive_some()
                if not more:
                    break
                if not data:
                    connection.deadline = min(connection.deadline, trio.current_time() + self._begun_seconds)
                data += more
            arrived = data
            connection.deadline = math.inf
        except trio.TooSlowError:
            self.is_idle = not data
        except GONE:
            pass
        finally:
            self._switch.connections.discard(self)
            if not arrived:
                connection.close()
        return arrived

    def drain(self) -> None:
        """Close in a moment unless a request begins."""
        self.hurry()

    def hurry(self) -> None:
        self._connection.hasten(trio.current_time() + HURRY_SECONDS)

    def leaves(self, service: AnyService) -> bool:
        return True
