"""Bodies of requests that are kept while they are sent, so that they can be sent again.

Theory of operation. All attempts of one request read from one recording, each from its start. Whoever comes to its end
receives from the client, one attempt at a time. An attempt that failed may still be about to leave `receive`, cancelled;
the next one waits for that, a few turns of the scheduler, or both would read from one connection. A body that turns out to
be too long is kept no more: the attempt in progress reads on, and is the last.
"""

import trio

from mesh import Body, Buffered, Fields, LocalProtocolError

RELEASE_TURNS = 16  # of the scheduler, within which a cancelled task leaves `receive`; it takes two


class Recording:
    """A body and what has been received of it. `body()` is the whole, from the start, any number of times, one after another.

    At most `most` bytes are kept. `overflowed`: there were more, so that it cannot be sent again.
    """

    __slots__ = ("_is_received", "_left", "is_complete", "overflowed", "pieces", "source")

    def __init__(self, source: Body, most: int) -> None:
        self.source = source
        self.pieces: list[bytes] = []
        self.is_complete = False
        self.overflowed = False
        self._left = most
        self._is_received = False

    def body(self) -> Body:
        """Return the body for one attempt: in memory, once all of it has come."""
        return Buffered(b"".join(self.pieces)) if self.is_complete else _Replay(self)

    async def receive(self) -> bytes:
        """Wait for one more piece, or for the end, and return it: `b""` also if another attempt was just about to get it."""
        if self._is_received:
            await self._until_left()
            return b""
        self._is_received = True
        try:
            piece = await self.source.receive()
        finally:
            self._is_received = False
        if not piece:
            self.is_complete = True
        elif len(piece) > self._left:
            self.overflowed = True
            self.pieces.clear()
        else:
            self._left -= len(piece)
            self.pieces.append(piece)
        return piece

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
        if recording.overflowed:
            return await recording.source.receive()
        while self._place == len(recording.pieces):
            if recording.is_complete:
                return b""
            piece = await recording.receive()
            if recording.overflowed:
                return piece
        self._place += 1
        return recording.pieces[self._place - 1]
