"""The body that comes in on one stream: kept until it is read, and no more of it than the window that was offered."""

import math
from collections.abc import Callable

from mesh import Body, Buffered, Fields, MeshError
from mesh_plugins.connections.parking import Parking
from mesh_plugins.http.gathered import Gathered, Trailed

LARGE = 4096  # bytes of a piece that is not worth keeping until it can be put together with others


def in_memory(content: bytes, trailers: Fields, size: int | None) -> Buffered:
    """Return the body of a message that has come as a whole; `size` is what its head said of it."""
    if trailers:
        return Trailed(content, trailers)
    return Gathered(content) if size is None else Buffered(content)


class Flow:
    """What a connection does for the bodies of its streams."""

    __slots__ = ()

    def give_back(self, stream: int, cost: int) -> None:
        """Let the peer send as much more."""
        raise NotImplementedError

    def wait_until(self, limit: float = math.inf) -> float:
        """Return until when a wait that begins now may last, `limit` at most, and make sure that it is looked at by then."""
        raise NotImplementedError


class Inflow(Body):
    """See the module. The engine's callbacks put in, one task takes out; `number` is the stream's.

    State: what has come and was not read (`_pieces`, at a `_cost`), whether that was all (`ended`), the error that broke it
    off, and until when the reader waits (`waits_until`, infinity if nobody does).

    `on_piece`, if there is one, is handed each large piece that comes while the reader waits, and returns how much it took:
    what it took whole never wakes the reader.
    """

    __slots__ = (
        "_cost",
        "_cut",
        "_flow",
        "_number",
        "_parking",
        "_pieces",
        "_size",
        "_trailers",
        "_wants_whole",
        "ended",
        "error",
        "on_piece",
        "waits_until",
    )

    def __init__(self, flow: Flow, size: int | None, number: int = 0) -> None:
        self._flow = flow
        self._number = number
        self._size = size
        self._parking = Parking()
        self._pieces: list[bytes] = []
        self._cost = 0
        self._trailers: Fields = []
        self._wants_whole = False
        self._cut: Callable[[], object] | None = None
        self.on_piece: Callable[[bytes], int] | None = None
        self.ended = False
        self.error: MeshError | None = None
        self.waits_until = math.inf

    @property
    def size(self) -> int | None:
        return self._size

    @property
    def trailers(self) -> Fields:
        return self._trailers

    @property
    def broke(self) -> bool:
        return self.error is not None

    @property
    def is_read(self) -> bool:
        """Whether all of it has come, and was read."""
        return self.ended and not self._cost and not self._pieces

    def put(self, piece: bytes, cost: int, *, ends: bool) -> None:
        """Take a piece from the engine."""
        if len(piece) >= LARGE and self.on_piece is not None and self._parking.task is not None and not ends:
            taken = self.on_piece(piece)
            if taken == len(piece):
                self.waits_until = self._flow.wait_until()
                self._flow.give_back(self._number, cost)
                return
            piece = piece[taken:]
        if piece:
            self._pieces.append(piece)
        self._cost += cost
        if ends:
            self.ended = True
        if ends or not self._wants_whole:
            self._parking.wake()

    def end(self, trailers: Fields) -> None:
        """Take the trailers, after which nothing comes."""
        self._trailers = trailers
        self.ended = True
        self._parking.wake()

    def fail(self, error: MeshError) -> None:
        """Break off: what was not read is lost, and the reader gets the error."""
        if not self.ended and self.error is None:
            self.error = error
            self._pieces.clear()
            self._parking.wake()
            if self._cut is not None:
                self._cut()

    def watch(self, cut: Callable[[], object]) -> None:
        self._cut = cut

    def gathered(self) -> Buffered:
        """Return what has come as a body in memory; for one that has ended."""
        return in_memory(self._take(), self._trailers, self._size)

    async def wait_whole(self) -> None:
        """Wait until all of it has come; for a body that is known to be short. Raises as `receive` does."""
        self._wants_whole = True
        try:
            while not self.ended:
                await self._wait()
        finally:
            self._wants_whole = False

    async def receive(self) -> bytes:
        while not self._pieces:
            if self.ended:
                if self._cost:
                    self._take()
                return b""
            await self._wait()
        return self._take()

    async def _wait(self) -> None:
        if self.error is not None:
            raise self.error
        self.waits_until = self._flow.wait_until()
        try:
            await self._parking.wait()
        finally:
            self.waits_until = math.inf
        if self.error is not None:
            raise self.error

    def _take(self) -> bytes:
        pieces, cost = self._pieces, self._cost
        content = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._cost = 0
        if cost:
            self._flow.give_back(self._number, cost)
        return content
