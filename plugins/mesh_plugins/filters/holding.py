"""Holds a reply back until there is something in it, for those who must know more than its head.

A reply that fails before its first piece can be replaced by another one as long as nobody has seen its head. Some replies
send theirs long before anything else, and a client may wait for just that, so the time is short.
Source: linkerd router/h2, ClassifiedRetryFilter.scala, `classificationTimeout`.
"""

import trio

from mesh import Body, MeshError, Reply, WrappedBody
from mesh_plugins.http.gathered import Trailed

HOLD_SECONDS = 0.1  # linkerd's


async def hold(reply: Reply, seconds: float = HOLD_SECONDS) -> Reply | MeshError | None:
    """Wait for the first piece of a reply's body, or for its end, and return the reply, nothing of which is lost.

    A reply that breaks off first is closed, and its error returned. None: nothing came in time, and the reply is as it was.
    """
    body = reply.body
    piece = None
    try:
        with trio.move_on_after(seconds):
            piece = await body.receive()
    except MeshError as error:
        await reply.aclose()
        return error
    if piece is None:
        return None
    reply.body = _Begun(piece, body) if piece else Trailed(b"", body.trailers)
    return reply


class _Begun(WrappedBody):
    """A body of which the first piece was received already."""

    __slots__ = ("_first",)

    def __init__(self, first: bytes, rest: Body) -> None:
        super().__init__(rest)
        self._first = first

    @property
    def size(self) -> int | None:
        return self._body.size

    async def receive(self) -> bytes:
        if self._first:
            piece, self._first = self._first, b""
            return piece
        return await self._body.receive()
