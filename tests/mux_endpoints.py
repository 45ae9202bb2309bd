"""Endpoints that speak Mux over real sockets."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import trio

from mesh.codec import Switch
from mesh.linker.listener import Listener, open_socket
from mesh.settings import SocketOptions
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.protocol import serve
from mesh_plugins.mux.serving import Serving

Answer = Callable[[MuxRequest], Awaitable[MuxReply]]


async def echo(request: MuxRequest) -> MuxReply:
    return MuxReply(0, request.body.buffered or b"")


@attrs.define(eq=False)
class MuxEndpoint:
    """A server: its port, what it was asked, and its switch, to exchange the service or to drain its connections."""

    port: int
    switch: Switch
    requests: list[MuxRequest] = attrs.field(factory=list)


@contextlib.asynccontextmanager
async def mux_endpoint(answer: Answer = echo) -> AsyncIterator[MuxEndpoint]:
    """Serve Mux on a free port with `answer`."""

    async def noted(request: MuxRequest) -> MuxReply:
        made.requests.append(request)
        reply = await answer(request)
        request.context.made(reply)
        return reply

    switch = Switch(noted)
    listener = Listener(open_socket("127.0.0.1", 0, SocketOptions()), serve(Serving()), switch)
    made = MuxEndpoint(int(listener.address.rpartition(":")[2]), switch)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(listener.run, nursery)
        yield made
        nursery.cancel_scope.cancel()
