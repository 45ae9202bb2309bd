"""The way into one connection: what was read is passed on before more is."""

import trio

from mesh import Connection

_TURN_BYTES = 131072  # more at once would leave the processor's cache: large bodies took twice the time


class Inlet:
    """Reads from `connection`, for one task, and lets others have their turn while a peer sends without a pause.

    State: how many bytes came since they last had.
    """

    __slots__ = ("_connection", "_taken")

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._taken = 0

    async def receive(self) -> bytes:
        """Return what has come, `b""` at the end. Raises as the connection does; cancelling loses nothing."""
        if self._taken >= _TURN_BYTES:
            self._taken = 0
            await trio.lowlevel.checkpoint()
        data = await self._connection.receive_some()
        self._taken += len(data)
        return data
