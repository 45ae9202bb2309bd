"""Filters as a stranger writes them, with their mistakes; a stack file names them `strangers:NAME`."""

import trio

from mesh import AnyService, Body, Fields, HttpReply, HttpRequest


class Raises:
    """Fails at once."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        raise ZeroDivisionError("no way")


class RaisesAfterwards:
    """Fails with a reply in hand."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        reply: HttpReply = await service(request)
        raise ZeroDivisionError(f"no use for {reply.status}")


class Hangs:
    """Waits for ever."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        await trio.sleep_forever()
        raise AssertionError("never comes here")


class Forgets:
    """Makes a reply of its own and forgets the one that it was given."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        await service(request)
        return HttpReply(200, body=b"mine")


class ShortCircuits:
    """Answers by itself what it can, without a look at the body."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        if request.target == b"/mine":
            return HttpReply(418, [(b"x-from", b"filter")], b"short and stout")
        reply: HttpReply = await service(request)
        return reply


class BreaksTheHead:
    """Writes a field that is the codec's to write."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        reply: HttpReply = await service(request)
        reply.headers.append((b"Transfer-Encoding", b"chunked"))
        return reply


class BreaksTheRequest:
    """Asks for something that cannot be sent."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        request.headers.append((b"x-bad", b"a\r\nb: c"))
        reply: HttpReply = await service(request)
        return reply


class _Raising(Body):
    """Comes to an end too early, in one of two ways."""

    def __init__(self, *, quietly: bool) -> None:
        self._quietly = quietly
        self._pieces = [b"some"]

    @property
    def size(self) -> int | None:
        return 100 if self._quietly else None

    @property
    def trailers(self) -> Fields:
        return []

    async def receive(self) -> bytes:
        if self._pieces:
            return self._pieces.pop()
        if self._quietly:
            return b""
        raise ZeroDivisionError("no more")


class BreaksTheBody:
    """Replies with a body that raises in the middle, or that is shorter than it said."""

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        return HttpReply(200, body=_Raising(quietly=request.target == b"/short"))
