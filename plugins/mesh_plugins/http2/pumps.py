"""Request bodies that take their time: each is sent by a task of its own, which ends with its stream."""

from collections.abc import Awaitable, Callable

import trio

from mesh import Body, Life
from mesh_plugins.connections.parking import Parking
from mesh_plugins.http2.client_stream import ClientStream, Streams
from mesh_plugins.http2.engine import Engine
from mesh_plugins.http2.inflow import Flow
from mesh_plugins.http2.outflow import Outflow
from mesh_plugins.http2.outlet import Outlet

CONTINUE_SECONDS = 1.0  # how long a body is held back for the endpoint's `100`. Source: RFC 9110 10.1.1, curl's default


class Pumps:
    """Sends the bodies of one session's requests."""

    __slots__ = ("_engine", "_flow", "_life", "_outlet", "_streams")

    def __init__(self, engine: Engine, outlet: Outlet, flow: Flow, streams: Streams, life: Life) -> None:
        self._engine = engine
        self._outlet = outlet
        self._flow = flow
        self._streams = streams
        self._life = life

    def send(self, stream: ClientStream, rest: bytes) -> None:
        """Send the rest of a body that is in memory."""
        self._begin(stream, lambda outflow: outflow.send(rest, ends=True))

    def copy(self, stream: ClientStream, body: Body, *, waits: bool) -> None:
        """Send a body as it comes; with `waits`, not before the endpoint has asked for it, or has had time to."""
        self._begin(stream, lambda outflow: self._copy(body, stream, outflow, waits=waits))

    def _begin(self, stream: ClientStream, send: Callable[[Outflow], Awaitable[None]]) -> None:
        stream.outflow = outflow = Outflow(self._engine, self._outlet, self._flow, stream.number)
        stream.pump = self._life.spawn("request body", lambda: self._run(stream, send(outflow)))

    async def _run(self, stream: ClientStream, sending: Awaitable[None]) -> None:
        """Send a body. What breaks it off belongs to the call, whose caller raises it."""
        try:
            await sending
        except Exception as error:  # noqa: BLE001  whatever it is, the task that waits for the reply raises it
            self._streams.give_up(stream, error)
        else:
            stream.wait_anew()

    async def _copy(self, body: Body, stream: ClientStream, outflow: Outflow, *, waits: bool) -> None:
        if waits:
            stream.called = called = Parking()
            with trio.move_on_after(CONTINUE_SECONDS):
                while not stream.is_called_for:
                    await called.wait()
            if stream.head is not None:
                return  # it has answered without asking for the body
        await outflow.pour(body)
