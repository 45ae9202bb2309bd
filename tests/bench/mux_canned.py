"""Both ends of a router of Mux, in memory: a client that asks, and endpoints that answer when they are asked."""

from mesh import Connection, Endpoint, Serve, Switch
from mesh_plugins.connections.parking import Parking
from tests.bench import mux_echo
from tests.bench.mux_load import FIRST_TAG, OUTSTANDING, PAYLOAD, dispatch

ANSWER_BYTES = 11 + len(PAYLOAD)
ROUND = b"".join(dispatch(FIRST_TAG + number, "/web") for number in range(OUTSTANDING))


class _Canned(Connection):
    """A connection whose reader waits until there is something, or the end."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(str(endpoint))
        self.local = "127.0.0.1:4140"
        self.ready = b""
        self.is_over = False
        self.parking = Parking()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what is ready; `b""` at the end."""
        while not (self.ready or self.is_over):
            await self.parking.wait()
        data, self.ready = self.ready, b""
        return data

    def is_quiet(self) -> bool:
        """Return true: nothing comes that was not asked for."""
        return True

    def close(self) -> None:
        """Let the reader know that this is the end."""
        self.is_over = True
        self.parking.wake()


class MuxAsking(_Canned):
    """A connection with a client that asks `left` times, so many at a time as the load of the bench; then it closes."""

    def __init__(self, left: int) -> None:
        super().__init__(Endpoint("127.0.0.1", 50000))
        self._left = left
        self._due = 0
        self._ask()

    def _ask(self) -> None:
        if self._left <= 0:
            self.is_over = True
        else:
            self._left -= OUTSTANDING
            self._due = OUTSTANDING * ANSWER_BYTES
            self.ready = ROUND

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take answers, and ask again after the last of them."""
        self._due -= len(data)
        if not self._due:
            self._ask()
            self.parking.wake()


class MuxAnswering(_Canned):
    """A connection to an endpoint that echoes."""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Take calls, and have their answers ready."""
        answers, _ = mux_echo.answer(bytes(data))
        self.ready += answers
        self.parking.wake()


async def answering(endpoint: Endpoint) -> Connection:
    """Open such a connection: a connector."""
    return MuxAnswering(endpoint)


async def ask(serve: Serve, switch: Switch, calls: int) -> None:
    """Have so many calls served, over one connection."""
    await serve(MuxAsking(calls), switch)
