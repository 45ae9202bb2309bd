"""The body of a request while it still comes from the client.

Whoever sends the request on pulls it, mostly a task of its own, which may be cancelled and still be about to run: with
bytes from the socket in its hands. So the server lets go of a body only when nobody is in `receive` any more; else bytes
of the next request would go with them.
"""

from typing import Protocol

import trio

from mesh import Body, Fields, HttpReply, LocalProtocolError, MeshError
from mesh_plugins.http1.head import RequestHead

DRAIN_BYTES = 65536  # how much of a body that nobody wanted is read to keep the connection; nginx and Envoy do alike
RELEASE_TURNS = 16  # of the scheduler, within which a cancelled task leaves `receive`; it takes two


class Source(Protocol):
    """What a body comes from: the connection with the client."""

    async def receive_body(self) -> bytes:
        """Return the next piece, `b""` at the end. Raises `RemoteProtocolError` or `ClientGone`."""

    def body_trailers(self) -> Fields:
        """Return the trailers, once the end has come."""

    def check_hung_up(self) -> None:
        """Act on it if the client hung up while its body was read."""

    async def send_interim(self, status: int, headers: Fields) -> None:
        """Send an interim reply; a `100` calls for the body."""


class ClientBody(Body):
    """See the module. `held_back`: the client waits for a `100` before it sends any; `is_done`: all of it has come.

    `is_received`: somebody waits in `receive`.
    """

    __slots__ = ("_error", "_first", "_left", "_size", "_source", "held_back", "is_done", "is_received")

    def __init__(self, source: Source, head: RequestHead, first: bytes) -> None:
        """Take the head that announced the body, and what came with it."""
        self._source = source
        self._size = None if head.body_size < 0 else head.body_size
        self._left = head.body_size  # bytes that nobody has received; without meaning if the size is unknown
        self._first = first
        self._error: MeshError | None = None
        self.is_received = False
        self.held_back = head.expects_continue and not first
        self.is_done = False

    @property
    def size(self) -> int | None:
        return self._size

    @property
    def trailers(self) -> Fields:
        return self._source.body_trailers() if self.is_done else []

    def is_beyond_draining(self, reply: HttpReply) -> bool:
        """Return whether `reply` must be the last: too much of the body is to come after it, or nobody knows what will."""
        if self.held_back or self._error is not None:
            return True
        return reply.whole and self._size is not None and self._left > DRAIN_BYTES

    async def receive(self) -> bytes:
        if self.is_done:
            return b""
        if self._error is not None:
            raise self._error
        if self._first:
            piece, self._first = self._first, b""
        else:
            piece = await self._receive_more()
        self._left -= len(piece)
        if not piece:
            self.is_done = True
            self._source.check_hung_up()
        return piece

    async def _receive_more(self) -> bytes:
        self.is_received = True
        try:
            if self.held_back:
                await self._source.send_interim(100, [])
            return await self._source.receive_body()
        except MeshError as error:
            self._error = error
            raise
        finally:
            self.is_received = False

    async def drain(self, most: int) -> None:
        """Read what is left, up to `most` bytes and a piece; `is_done` says whether that was all. Nobody can receive after.

        Whoever received before must have been cancelled. Raises as `receive`.
        """
        for _turn in range(RELEASE_TURNS):
            if not self.is_received:
                break
            await trio.lowlevel.checkpoint()
        else:
            most = 0
        try:
            while not self.is_done and most > 0:
                most -= len(await self.receive())
        finally:
            self._error = self._error or LocalProtocolError("the body of a request was asked for after its end")
