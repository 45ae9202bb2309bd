"""Bodies of requests that are kept while they are sent, so that they can be sent again.

Theory of operation. All attempts of one request read from one recording, each from its start. Whoever comes to its end
receives from the client, one attempt at a time. An attempt that failed may still be about to leave `receive`, cancelled;
the next one waits for that, a few turns of the scheduler, or both would read from one connection. A body that turns out to
be too long is kept no more: the attempt in progress reads on, and is the last. Should an earlier one have taken that last
piece while it was being cancelled, the next one fails: it must not end where the piece is missing.
"""

import trio

from mesh import Body, Buffered, Fields, LocalProtocolError, UpstreamBroken

RELEASE_TURNS = 16  # of the scheduler, within which a cancelled task leaves `receive`; it takes two


class Recording:
    """A body and what has been received of it. `body()` is the whole, from the start, any number of times, one after another.

    At most `most` bytes are kept. `overflowed`: there were more, so that it cannot be sent again; `last_reader` has the rest.
    """

    __slots__ = ("_is_received", "_left", "is_complete", "last_reader", "overflowed", "pieces", "source")

    def __init__(self, source: Body, most: int) -> None:
        self.source = source
        self.pieces: list[bytes] = []
        self.is_complete = False
        self.overflowed = False
        self.last_reader: Body | None = None
        self._left = most
        self._is_received = False

    @staticmethod
    def of(body: Body, most: int) -> "Recording":
        """Return the recording that `body` reads from, or else a new one."""
        return body.recording if isinstance(body, _Replay) else Recording(body, most)

    def body(self) -> Body:
        """Return the body for one attempt: in memory, once all of it has come and there are no trailers to send after it."""
        if self.is_complete and not self.source.trailers:
            return Buffered(b"".join(self.pieces))
        return _Replay(self)

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has been received yet, not even its end."""
        return not (self.pieces or self.is_complete or self.overflowed)

    def keep_no_more(self) -> None:
        """Let go of what was kept with the next piece: there will be no further attempt."""
        self._left = 0

    async def receive(self, reader: Body) -> bytes:
        """Wait for one more piece, or for the end, and return it: `b""` also if another attempt was just about to get it.

        `reader` is the attempt's body, which alone reads on once the recording has overflowed.
        """
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
            self.last_reader = reader
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

    __slots__ = ("_place", "recording")

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self._place = 0

    @property
    def size(self) -> int | None:
        return self.recording.source.size

    @property
    def trailers(self) -> Fields:
        return self.recording.source.trailers

    @property
    def broke(self) -> bool:
        return self.recording.source.broke

    async def receive(self) -> bytes:
        recording = self.recording
        while not recording.overflowed:
            if self._place < len(recording.pieces):
                self._place += 1
                return recording.pieces[self._place - 1]
            if recording.is_complete:
                return b""
            piece = await recording.receive(self)
            if recording.last_reader is self:
                return piece
        if recording.last_reader is not self:
            raise UpstreamBroken("the request was sent again, but an earlier attempt had taken too much of its body")
        return await recording.source.receive()
