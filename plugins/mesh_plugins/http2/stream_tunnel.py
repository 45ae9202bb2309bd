"""The client's end of a tunnel that began with CONNECT: one stream, as a connection. Source: RFC 9113 section 8.5."""

import math

import trio

from mesh import Connection, IdleTimeout
from mesh_plugins.http2.engine import CANCEL, CONNECT_ERROR, Engine
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.outflow import Outflow
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.server_stream import ServerStream


class StreamTunnel(Connection):
    """What comes on a stream and goes out on it, without its frames; see the module.

    Its windows bound what is kept each way. The client ends its direction by the end of the stream, as this side does.
    """

    __slots__ = ("_engine", "_flow", "_outflow", "_outlet", "_stream")

    def __init__(self, stream: ServerStream, engine: Engine, outlet: Outlet, flow: Flow, peer: str) -> None:
        super().__init__(peer)
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._stream = stream
        self._outflow = stream.outflow = Outflow(engine, outlet, flow, stream.number)
        stream.tunnel = self

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return what has come, whatever `max_bytes`: no more than the stream's window."""
        body = self._stream.body
        if body is None:
            return b""
        self._flow.wait_until(self.deadline)
        try:
            return await body.receive()
        except IdleTimeout as error:
            raise trio.TooSlowError from error

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if not data:
            return  # an empty frame would tell the client nothing
        self._flow.wait_until(self.deadline)
        try:
            await self._outflow.send(bytes(data))
        except IdleTimeout as error:
            raise trio.TooSlowError from error

    def shut_down_writing(self) -> bool:
        self._engine.send_data(self._stream.number, b"", ends=True)
        self._outlet.kick()
        return True

    def close(self) -> None:
        self._end(CANCEL)

    def abort(self) -> None:
        self._end(CONNECT_ERROR)

    def _end(self, code: int) -> None:
        """Reset the stream unless both directions have ended."""
        self._engine.reset(self._stream.number, code)
        self._outlet.kick()
        self.deadline = math.inf
