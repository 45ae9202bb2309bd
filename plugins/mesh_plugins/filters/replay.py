"""Bodies of requests that are kept while they are sent, so that they can be sent again.

Theory of operation. All attempts of one request read from one recording, each from its start. Whoever comes to its end
receives from the client, one attempt at a time. An attempt that failed may still be about to leave `receive`, cancelled;
the next one waits for that, a few turns of the scheduler, or both would read from one connection.
"""

import trio

from mesh import Body, Buffered, Fields, LocalProtocolError

RELEASE_TURNS = 16  # of the scheduler, within which a cancelled task leaves `receive`; it takes two


class Recording:
    """A body and what has been received of it. `body()` is the whole, from the start, any number of times, one after another.

    The body must know its size, which is what this may come to in memory.
    """

    __slots__ = ("_is_received", "is_complete", "pieces", "source")

    def __init__(self, source: Body) -> None:
        self.source = source
        self.pieces: list[bytes] = []
        self.is_complete = False
        self._is_received = False

    def body(self) -> Body:
        """Return the body for one attempt: in memory, once all of it has come."""
        return Buffered(b"".join(self.pieces)) if self.is_complete else _Replay(self)

    async def receive(self) -> None:
        """Wait for one more piece, or for the end, unless another attempt was just about to get it."""
        if self._is_received:
            await self._until_left()
            return
        self._is_received = True
        try:
            piece = await self.source.receive()
        finally:
            self._is_received = False
        if piece:
            self.pieces.append(piece)
        else:
            self.is_complete = True

    async def _until_left(self) -> None:
        for _turn in range(RELEASE_TURNS):
            await trio.lowlevel.checkpoint()
            if not self._is_received:
                return
        raise LocalProtocolError("an attempt began to send its body while an earlier one was still being sent")


class _Replay(Body):
    """What one attempt reads of a recording."""

    __slots__ = ("_place", "_recording")

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._place = 0

    @property
    def size(self) -> int | None:
        return self._recording.source.size

    @property
    def trailers(self) -> Fields:
        return self._recording.source.trailers

    async def receive(self) -> bytes:
        recording = self._recording
        while self._place == len(recording.pieces):
            if recording.is_complete:
                return b""
            await recording.receive()
        self._place += 1
        return recording.pieces[self._place - 1]
