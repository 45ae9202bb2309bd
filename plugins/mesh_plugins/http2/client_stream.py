"""One call to an endpoint: its stream, whoever waits for the reply, and the reply as it comes."""

import math
from typing import Protocol

import trio

from mesh import EMPTY, Body, Expiry, Fields, HttpReply, HttpRequest, MeshError, UpstreamProtocolError
from mesh_plugins.connections.parking import Parking
from mesh_plugins.http2.engine import ReplyHead
from mesh_plugins.http2.inflow import Flow, Inflow, in_memory
from mesh_plugins.http2.outflow import Outflow


class Streams(Protocol):
    """The session, as its streams know it."""

    def has_come(self, stream: "ClientStream") -> None:
        """The reply has come as a whole."""

    def was_reset(self, stream: "ClientStream", code: int, *, by_peer: bool, unprocessed: bool) -> None:
        """The engine has let go of the stream."""

    def give_up(self, stream: "ClientStream", error: Exception | None = None) -> None:
        """Nobody wants the rest of the reply, or the call has failed with `error`."""


class ReplyBody(Inflow):
    """The body of a reply that is still coming; whoever closes the reply before its end gives the stream up.

    It and its stream hold each other until then, and no longer, so that the collector of cycles has nothing to do.
    """

    __slots__ = ("_stream",)

    def __init__(self, flow: Flow, size: int | None, stream: "ClientStream") -> None:
        super().__init__(flow, size, stream.number)
        self._stream = stream

    def abandon(self) -> None:
        """The reply was closed."""
        stream = self._stream
        if not self.is_read:
            stream.streams.give_up(stream)
        stream.inflow = None


class ClientStream:
    """See the module. State: the final head and the interim ones before it, the `error` that ended it, and the body.

    Most bodies have come as a whole, in one piece, before anybody looks: no more is kept of them then than `_piece`, its
    `_cost`, and the `_trailers`, which are None until the end. Of others, `inflow` takes care.

    `waits_until`: until when the caller waits for a head, infinity if it does not. `expiry` bounds the whole; from the head on
    it is the request's deadline. `over`: the session has taken its place back. `outflow` and `pump` are there while a body is
    sent that takes its time, and whoever holds it back until it is called for waits in `called`.
    """

    __slots__ = (
        "_cost",
        "_flow",
        "_interims",
        "_most_interims",
        "_parking",
        "_piece",
        "_seen",
        "_trailers",
        "called",
        "error",
        "expiry",
        "head",
        "inflow",
        "is_called_for",
        "number",
        "outflow",
        "over",
        "pump",
        "streams",
        "waits_until",
    )

    def __init__(self, streams: Streams, flow: Flow, expiry: Expiry | None, most_interims: int) -> None:
        self.streams = streams
        self._flow = flow
        self._most_interims = most_interims
        self._seen = self._cost = 0
        self._piece: bytes | None = None
        self._trailers: Fields | None = None
        self._interims: list[ReplyHead] = []
        self._parking = Parking()
        self.expiry = expiry
        self.number = 0
        self.head: ReplyHead | None = None
        self.error: Exception | None = None
        self.inflow: ReplyBody | None = None
        self.outflow: Outflow | None = None
        self.pump: trio.CancelScope | None = None
        self.called: Parking | None = None
        self.is_called_for = False
        self.over = False
        self.waits_until = math.inf

    @property
    def reply_begun(self) -> bool:
        return self.head is not None or self._seen > 0

    # What the engine tells.

    def on_reply(self, head: ReplyHead) -> None:
        if head.status >= 200:
            self.head = head
            if head.ends:
                self.streams.has_come(self)
        else:
            self._seen += 1
            if self._seen > self._most_interims:
                error = UpstreamProtocolError(
                    f"more than {self._most_interims} interim replies (1xx)", reply_begun=True
                )
                self.streams.give_up(self, error)
                return
            self._interims.append(head)
        if self.called is not None and head.status != 103:
            self.is_called_for = True
            self.called.wake()
        self._parking.wake()

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        if self.inflow is not None:
            self.inflow.put(piece, cost, ends=ends)
        elif self._piece is None:
            self._piece = piece
            self._cost = cost
            if ends:
                self._trailers = []
        else:
            self._stream_body().put(piece, cost, ends=ends)
        if ends:
            self.streams.has_come(self)

    def on_trailers(self, trailers: Fields) -> None:
        if self.inflow is not None:
            self.inflow.end(trailers)
        else:
            self._trailers = trailers
        self.streams.has_come(self)

    def on_room(self) -> None:
        if self.outflow is not None:
            self.outflow.on_room()

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.streams.was_reset(self, code, by_peer=by_peer, unprocessed=unprocessed)

    def _stream_body(self) -> ReplyBody:
        """Make the body of what has come and of what will."""
        self.inflow = inflow = ReplyBody(self._flow, None if self.head is None else self.head.size, self)
        if self._piece is not None:
            inflow.put(self._piece, self._cost, ends=False)
        if self._trailers is not None:
            inflow.end(self._trailers)
        elif self.error is not None:
            self._fail_body(inflow, self.error)
        return inflow

    # What ends it.

    def fail(self, error: Exception) -> None:
        """Wake whoever waits, with an error."""
        self.error = error
        if self.inflow is not None:
            self._fail_body(self.inflow, error)
        self._parking.wake()

    def _fail_body(self, inflow: ReplyBody, error: Exception) -> None:
        inflow.fail(error if isinstance(error, MeshError) else UpstreamProtocolError(str(error)))

    # What the caller does.

    def wait_anew(self) -> None:
        """Count the time that the endpoint has for its reply from now on."""
        if self._parking.task is not None:
            self.waits_until = self._flow.wait_until()

    async def final_head(self, request: HttpRequest) -> ReplyHead:
        """Return the final head, and pass on the interim ones before it. Raises what ended the stream."""
        while True:
            while self._interims:
                interim = self._interims.pop(0)
                if request.on_interim is not None:
                    await request.on_interim.send_interim(interim.status, interim.headers)
            if self.head is not None:
                return self.head
            if self.error is not None:
                raise self.error
            self.waits_until = self._flow.wait_until()
            try:
                await self._parking.wait()
            finally:
                self.waits_until = math.inf

    def reply(self, request: HttpRequest, head: ReplyHead) -> HttpReply:
        """Make the reply, with as much of its body as has come."""
        if head.ends:
            reply = HttpReply(head.status, head.headers, EMPTY, None, (2, 0))
            reply.declared_size = head.size
            return reply
        inflow, trailers = self.inflow, self._trailers
        body: Body
        if inflow is None and trailers is not None and (not trailers or request.version == (2, 0)):
            if self._cost:
                self._flow.give_back(self.number, self._cost)
            body = in_memory(self._piece or b"", trailers, head.size)
            return HttpReply(head.status, head.headers, body, None, (2, 0))
        if inflow is None:
            inflow = self._stream_body()
        # In HTTP/1.1, trailers need a body that is sent in chunks.
        is_whole = inflow.ended and (not inflow.trailers or request.version == (2, 0))
        body = inflow.gathered() if is_whole else inflow
        reply = HttpReply(head.status, head.headers, body, None, (2, 0))
        if is_whole:
            self.inflow = None
        else:
            reply.on_close(inflow.abandon)
        return reply

    def due(self) -> float:
        """Return until when what is waited for must have come; infinity if nothing is."""
        due = math.inf if self.expiry is None else self.expiry.at
        if self.inflow is not None:
            due = min(due, self.inflow.waits_until)
        if self.outflow is not None and not self.outflow.done:
            return min(due, self.outflow.waits_until)  # the endpoint may wait for the rest of the request
        return min(due, self.waits_until)
