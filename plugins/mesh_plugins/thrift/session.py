"""One connection to an endpoint that speaks Thrift, as a session: a call out, its reply in, one at a time.

Theory of operation. Thrift's servers answer in order and mostly one call at a time, so that a connection carries one call,
with its client's own sequence id, and the pool has as many as there are calls: as Finagle does. With `upgrades`, the first
call is preceded by the one that asks for TTwitter; an exception in answer to it means that the endpoint speaks plain
Thrift. A one-way call is over when it is sent. Whatever goes wrong closes the connection.
"""

from collections.abc import Callable

import attrs
import trio

from mesh import (
    Connection,
    Expiry,
    IdleTimeout,
    Life,
    Limits,
    NewSession,
    RemoteProtocolError,
    Session,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.single import SingleSession
from mesh_plugins.thrift.conversion import check_end, converted, with_frame
from mesh_plugins.thrift.framing import new_messages
from mesh_plugins.thrift.message import BINARY, Encoding, Message, ThriftReply, ThriftRequest, encoding_of, nothing
from mesh_plugins.thrift.outgoing import outgoing_header
from mesh_plugins.thrift.ttwitter import CAN_TRACE, asks, read_response_header, write_request_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import EXCEPTION, ONEWAY, REPLY, Head, Incomplete, Malformed

PIECE = 262144  # bytes asked for at once while a reply is coming


@attrs.frozen
class Peer:
    """What an endpoint speaks. With `upgrades` it is asked whether it speaks TTwitter, once per connection."""

    encoding: Encoding = BINARY
    is_framed: bool = True
    upgrades: bool = False


class ThriftSession(SingleSession):
    """A session over one connection; see the module for how it works. Raises `UpstreamBroken`, `IdleTimeout`, and what
    the request's expiry says. State: `_is_upgraded`, None while the endpoint is still to be asked; `_has_sent` in a call.
    """

    __slots__ = (
        "_bounds",
        "_clock",
        "_expiry",
        "_has_sent",
        "_idle_seconds",
        "_is_upgraded",
        "_messages",
        "_peer",
    )

    def __init__(self, connection: Connection, peer: Peer, limits: Limits) -> None:
        super().__init__(connection)
        self._peer = peer
        self._bounds = Bounds.of(limits)
        self._messages = new_messages(peer.encoding, self._bounds, is_framed=peer.is_framed)
        self._is_upgraded: bool | None = None if peer.upgrades else False
        self._idle_seconds = limits.stream_idle_timeout_s
        self._expiry: Expiry | None = None
        self._has_sent = False
        self._clock: Callable[[], float] = trio.lowlevel.current_clock().current_time

    async def __call__(self, request: ThriftRequest, /) -> ThriftReply:  # type: ignore[override]  # Thrift only
        connection = self._connection
        self._expiry = expiry = request.context.expiry
        now = self._clock()
        if expiry is None:
            connection.deadline = now + self._idle_seconds
        elif expiry.at > now:
            connection.deadline = self._due()
        else:
            self.on_change(self)  # nothing was sent, so there is room as before
            raise expiry.error()
        self.capacity = 0
        self._has_sent = False
        try:
            if self._is_upgraded is None:
                self._is_upgraded = await self._upgrade()
            body = request.body
            if (
                request.encoding is self._peer.encoding
                and type(body) is Message
                and not self._is_upgraded
                and body.is_framed
                and self._peer.is_framed
            ):
                data = body.data
            else:
                data = await self._written(request)
            self._has_sent = True
            await connection.send_all(data)
            if request.head.kind == ONEWAY:
                self._finish()
                return nothing(request)
            message = self._messages.arrived(await connection.receive_some()) or await self._receive()
            reply = self._reply(message, request.head)
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise self._translated(error) from error
            raise
        self._finish()
        request.context.made(reply)
        return reply

    def _due(self) -> float:
        """Return until when the next wait may last: for as long as nothing may come, and no longer than the expiry."""
        due = self._clock() + self._idle_seconds
        return due if self._expiry is None or self._expiry.at > due else self._expiry.at

    async def _upgrade(self) -> bool:
        """Return whether the endpoint speaks TTwitter."""
        peer = self._peer
        await self._connection.send_all(with_frame(asks(peer.encoding), is_framed=peer.is_framed))
        message = await self._receive()
        head = _head(peer.encoding, message)
        if head.kind == EXCEPTION:
            return False
        if head.kind != REPLY or head.name != CAN_TRACE:
            raise Malformed("the answer to the question whether it speaks TTwitter is none")
        self._messages.expect_headers()
        return True

    async def _written(self, request: ThriftRequest) -> bytes:
        """Return a call as the endpoint wants it."""
        peer = self._peer
        try:
            if not peer.is_framed:
                await check_end(request, self._bounds)
            message = await converted(request, peer.encoding, request.head.seqid, self._bounds)
        except Malformed as error:
            raise RemoteProtocolError(f"the call cannot be passed on: {error}") from error
        if self._is_upgraded:
            message = write_request_header(peer.encoding, outgoing_header(request)) + message
        return with_frame(message, is_framed=peer.is_framed)

    async def _receive(self) -> Message:
        """Return the next message. The bytes fed last, if any, did not hold all of one."""
        connection, messages = self._connection, self._messages
        while (message := messages.take()) is None:
            if messages.is_paused:
                await trio.lowlevel.checkpoint()
                continue
            data = await connection.receive_some(PIECE)
            if not data:
                raise trio.BrokenResourceError("closed before it replied")
            messages.feed(data)
            connection.deadline = self._due()
        return message

    def _reply(self, message: Message, asked: Head) -> ThriftReply:
        encoding, contexts, start = self._peer.encoding, None, message.start
        if self._is_upgraded:
            contexts, start = read_response_header(encoding, message.data, start, self._bounds)
            message = Message(message.data, start)
        head = _head(encoding, message)
        if head.kind not in (REPLY, EXCEPTION):
            raise Malformed(f"a message of the kind {head.kind} in answer to a call")
        if head.seqid != asked.seqid:
            raise Malformed(f"a reply with the sequence id {head.seqid} to a call with {asked.seqid}")
        return ThriftReply(encoding_of(message.data, start), head, message, contexts)

    def _finish(self) -> None:
        """The call is over: make the connection free, or close it if more came than was asked for."""
        if self._messages.count() or not self._connection.is_quiet():
            self.close()
        elif not self.closed:
            self.capacity = 1
            self.on_change(self)

    def _translated(self, error: Exception) -> Exception:
        """Return what `error` means to the caller."""
        peer = self._connection.peer
        if isinstance(error, trio.TooSlowError):
            if self._expiry is not None and self._expiry.at <= self._clock():
                return self._expiry.error()
            return IdleTimeout(f"{peer} sent nothing for {self._idle_seconds:g} s")
        if isinstance(error, trio.BrokenResourceError | trio.ClosedResourceError):
            begun = self._has_sent and self._messages.count() > 0
            return UpstreamBroken(
                f"the connection to {peer} broke: {error}", retryable=not self._has_sent, reply_begun=begun
            )
        if isinstance(error, Malformed | Incomplete):
            return UpstreamProtocolError(f"{peer}: {error}", reply_begun=self._has_sent)
        return error


def _head(encoding: Encoding, message: Message) -> Head:
    try:
        return encoding.read_head(message.data, message.start)
    except Incomplete:
        raise Malformed("a frame ends in the middle of a message's head") from None


def new_session(peer: Peer, limits: Limits) -> NewSession:
    """Return what makes sessions with endpoints."""

    def make(connection: Connection, _life: Life) -> Session:
        return ThriftSession(connection, peer, limits)

    return make
