"""The serving side of Thrift: one client's connection, its calls in order, each handed to the service of the switch.

Theory of operation. One task takes a message, calls the service, writes the reply, and begins again; calls that came in the
meantime wait in the buffer and are answered in order, as Finagle's servers do. A message that is broken is answered with an
exception where its head could be read, and in frames the connection lives on; else it is closed. The client hanging up
cancels the call that is open, but not a one-way call: its client has nothing to wait for.
"""

import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import trio

from mesh import (
    AnyService,
    Connection,
    Context,
    MeshError,
    RemoteProtocolError,
    Switch,
    close_forgotten,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.in_turn import DRAIN_SECONDS, LINGER_SECONDS, InTurn
from mesh_plugins.thrift.conversion import check_end, converted, with_frame
from mesh_plugins.thrift.exceptions import ExceptionType, exception, write_exception
from mesh_plugins.thrift.framing import new_messages
from mesh_plugins.thrift.message import Frame, Message, ThriftReply, ThriftRequest, encoding_of
from mesh_plugins.thrift.serving import Serving
from mesh_plugins.thrift.ttwitter import CAN_TRACE, agrees, read_request_header, write_response_header
from mesh_plugins.thrift.walking import check, is_sound
from mesh_plugins.thrift.wire import CALL, CALLS, ONEWAY, Head, Incomplete, Malformed

logger = logging.getLogger(__name__)

PIECE = 262144  # bytes asked for at once
PIPELINED = 16  # calls answered without waiting for the client, before other tasks get their turn
# How long a client that never pauses is served when the listener drains: it goes after a reply then, and not in the middle of a
# call, as at the end of `shutdownGraceMs`, 10 s. Sooner, it would not have heard from its discovery.
LEAVE_SECONDS = 8.0
HEAD_BYTES = 8  # of a message: whoever has not sent so many has not begun to say anything


Around = Callable[[ThriftRequest, AnyService], Awaitable[ThriftReply]]


class ThriftConnection(InTurn):
    """One client's connection. State: `_busy` while a call is open; `_is_upgraded` once the client asked for TTwitter.

    `around` stands between the connection and the service of its switch, where that takes no calls of Thrift.
    """

    __slots__ = ("_around", "_is_upgraded", "_is_waited_for", "_leaves_at", "_messages", "_serving", "_tls")

    def __init__(self, connection: Connection, switch: Switch, serving: Serving, around: Around | None = None) -> None:
        super().__init__(connection, switch, serving.ages.life_seconds, serving.limits.stream_idle_timeout_s)
        self._around = around
        self._serving = serving
        self._tls = connection.tls
        self._messages = new_messages(serving.encoding, serving.bounds, is_framed=serving.is_framed)
        self._is_waited_for = self._is_upgraded = False
        self._leaves_at = self._clock() + LEAVE_SECONDS if switch.draining else math.inf
        connection.on_hang_up = self._hung_up

    def run(self, first: bytes = b"") -> Coroutine[Any, Any, None]:
        """Serve until either side ends the connection, which is closed in any case; `first` has come of it already."""
        if first:
            self._messages.feed(first)
        return super().run()

    def drain(self) -> None:
        """Close as soon as the client pauses, so that no call of its crosses the end; one that never does is not waited for."""
        self._leaves_at = self._clock() + LEAVE_SECONDS
        super().drain()

    def _hung_up(self) -> None:
        if self._is_waited_for and not self._serving.allow_half_close:
            self._give_up()

    async def _serve(self) -> None:
        connection, messages = self._connection, self._messages
        answered = 0
        try:
            while True:
                if messages.count():
                    message = messages.take()
                else:
                    answered = 0
                    self._busy = False
                    until = self._waits_until()
                    if until is None:
                        return
                    try:
                        data = await connection.receive_some()
                    except trio.TooSlowError:
                        self._count_end(until)
                        return
                    if not data:
                        return
                    message = messages.arrived(data)
                if message is None:
                    answered = 0
                    self._busy = False
                    message = await self._receive_rest()
                answered += 1
                if answered == PIPELINED:
                    answered = 0
                    await trio.lowlevel.checkpoint()
                request = self._opened(message)
                if self._is_plain(message.data, request.head) or await self._is_callable(request):
                    self._is_waited_for = request.head.kind == CALL
                    if connection.hung_up:
                        self._hung_up()
                    await self._exchange(request)
                del message, request  # they may be large, and the next call long in coming
        except Malformed as error:
            await self._refuse(error)

    def _waits_until(self) -> float | None:
        """Return until when the next message may begin, and bound the wait for it; None if no more are taken."""
        now = self._clock()
        until = now + (DRAIN_SECONDS if self._switch.draining else self._serving.limits.idle_timeout_s)
        if self._leaves_at < until:
            until = self._leaves_at
        if until <= now:
            return None
        if self._expires <= now:
            self._serving.ages.lifetime.value += 1
            return None
        self._connection.deadline = until if until < self._expires else self._expires
        return until

    def _count_end(self, until: float) -> None:
        """Count a connection over which nothing came until then."""
        if not self._switch.draining:
            self._serving.ages.count_end(self._clock(), until, self._expires)

    async def _receive_rest(self) -> Message:
        """Return a message of which a part has come."""
        connection, messages, limits = self._connection, self._messages, self._serving.limits
        begun = self._clock()
        while (message := messages.take()) is None:
            if messages.is_paused:
                await trio.lowlevel.checkpoint()
                continue
            since = begun if messages.count() < HEAD_BYTES else self._clock()
            connection.deadline = since + limits.header_deadline_s
            try:
                data = await connection.receive_some(PIECE)
            except trio.TooSlowError:
                raise Malformed("a client stopped in the middle of a message", status=408) from None
            if not data:
                raise Malformed("a client closed the connection in the middle of a message")
            messages.feed(data)
        return message

    def _opened(self, message: Message) -> ThriftRequest:
        """Return the call in a message; from here on it is open. Raises `Malformed` if it cannot be read, nor answered."""
        serving, start, header = self._serving, message.start, None
        encoding = serving.encoding
        if self._is_upgraded:
            header, start = read_request_header(encoding, message.data, start, serving.bounds)
            message = Message(message.data, start)
        try:
            head = encoding.read_head(message.data, start)
        except Incomplete:
            raise Malformed("a frame ends in the middle of a message's head") from None
        if message.data[start] < 0x80:
            encoding = encoding_of(message.data, start)
        connection = self._connection
        self._busy = True
        self._context = context = Context(self._clock(), connection.peer, connection)
        context.tls = self._tls
        return ThriftRequest(encoding, head, message, context, header)

    def _is_plain(self, data: bytes, head: Head) -> bool:
        """Return whether a call is surely sound; whether one of the others is, `_is_callable` finds out."""
        serving = self._serving
        return (
            head.kind in CALLS
            and head.name != CAN_TRACE
            and head.name.isascii()
            and (not serving.is_framed or is_sound(serving.encoding, data, head.at, serving.bounds))
        )

    async def _is_callable(self, request: ThriftRequest) -> bool:
        """Return whether a call is sound, and meant for an endpoint; answer it if it is not."""
        head = request.head
        if head.name == CAN_TRACE and head.kind == CALL and not self._is_upgraded:
            await self._upgrade(request)
            return False
        error = await self._unsound(request)
        if error is None:
            return True
        self._switch.refused(error)
        if head.kind != ONEWAY:
            await self._write(request, exception(request.encoding, head, _type_of(head), f"{error}"))
        return False

    async def _unsound(self, request: ThriftRequest) -> RemoteProtocolError | None:
        """Return what is wrong with a call whose head was read; None if nothing is."""
        head, body = request.head, request.body
        if head.kind not in CALLS:
            return RemoteProtocolError(f"a client sent a message of the kind {head.kind}; expected a call")
        if head.name == CAN_TRACE:  # an endpoint that agreed would take the calls of others to have headers
            return RemoteProtocolError("whether TTwitter is spoken is asked by a call, once in a connection")
        try:
            head.name.decode()
            if isinstance(body, Message) and self._serving.is_framed:  # else it was walked to find its end
                await check(request.encoding, body.data, head.at, self._serving.bounds)
        except UnicodeDecodeError:
            return RemoteProtocolError("a method's name that is not UTF-8")
        except Malformed as error:
            return error
        return None

    async def _exchange(self, request: ThriftRequest) -> None:
        try:
            self._service = service = self._switch.service
            around = self._around
            reply: ThriftReply = await (service(request) if around is None else around(request, service))
        except Exception:
            logger.exception("a call was not answered: the stack has no filter that turns errors into replies")
            reply = exception(request.encoding, request.head, ExceptionType.INTERNAL_ERROR, "internal error")
        except BaseException:
            if request.context.replies is not None:
                await close_forgotten(request.context.replies, None)
            raise
        self._is_waited_for = False
        complete = False
        try:
            if request.head.kind == CALL:
                rest = self._connection.send(self._as_it_is(request, reply) or await self._converted(request, reply))
                if rest is not None:
                    self._connection.deadline = self._clock() + self._serving.limits.stream_idle_timeout_s
                    await rest
            complete = True
        finally:
            reply.close()
            made = request.context.replies
            if made is not reply and made is not None:
                await close_forgotten(made, reply if complete else None)
            request.context.replies = None  # the context is kept until the next call

    async def _write(self, request: ThriftRequest, reply: ThriftReply) -> None:
        """Write a reply in the client's encoding, with the client's sequence id."""
        data = self._as_it_is(request, reply) or await self._converted(request, reply)
        self._connection.deadline = self._clock() + self._serving.limits.stream_idle_timeout_s
        await self._connection.send_all(data)

    def _as_it_is(self, request: ThriftRequest, reply: ThriftReply) -> bytes | None:
        """Return the bytes of a reply if the client can have them as they came."""
        body, is_framed = reply.body, self._serving.is_framed
        if (
            isinstance(body, Message)
            and (type(body) is Frame) is is_framed
            and reply.encoding is request.encoding
            and reply.head.seqid == request.head.seqid
            and not self._is_upgraded
            and (is_framed or not body.start)
        ):
            return body.data
        return None

    async def _converted(self, request: ThriftRequest, reply: ThriftReply) -> bytes:
        serving, head, encoding = self._serving, request.head, request.encoding
        try:
            if not reply.body.size:
                raise Malformed("a reply without a message")
            if not serving.is_framed:
                await check_end(reply, serving.bounds)
            message = await converted(reply, encoding, head.seqid, serving.bounds)
        except MeshError as error:
            logger.debug("a reply to %s cannot be passed on: %s", self._connection.peer, error)
            message = write_exception(encoding, head.name, head.seqid, ExceptionType.INTERNAL_ERROR, str(error))
        if self._is_upgraded:
            message = write_response_header(serving.encoding, reply.contexts) + message
        return with_frame(message, is_framed=serving.is_framed)

    async def _upgrade(self, request: ThriftRequest) -> None:
        """Agree to speak TTwitter from the next message on."""
        answer = agrees(request.encoding, request.head.seqid)
        self._connection.deadline = self._clock() + self._serving.limits.stream_idle_timeout_s
        await self._connection.send_all(with_frame(answer, is_framed=self._serving.is_framed))
        self._is_upgraded = True
        self._messages.expect_headers()

    async def _refuse(self, error: Malformed) -> None:
        """End a connection of whose bytes no more can be made, after an exception for the call whose head was read."""
        logger.debug("%s: refused: %s", self._connection.peer, error)
        self._switch.refused(error)
        head = self._messages.head
        connection = self._connection
        connection.deadline = self._clock() + LINGER_SECONDS
        try:
            if head is not None and head.kind != ONEWAY:
                text, encoding = f"{error}", self._serving.encoding
                data = write_exception(encoding, head.name, head.seqid, ExceptionType.PROTOCOL_ERROR, text)
                await connection.send_all(b"\0" + data if self._is_upgraded else data)
        except (trio.TooSlowError, *GONE):
            return
        await self._linger()


def _type_of(head: Head) -> ExceptionType:
    """Return the type of exception that answers a broken call."""
    if head.kind != CALL:
        return ExceptionType.INVALID_MESSAGE_TYPE
    return ExceptionType.UNKNOWN_METHOD if head.name == CAN_TRACE else ExceptionType.PROTOCOL_ERROR
