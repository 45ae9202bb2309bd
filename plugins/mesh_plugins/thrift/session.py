"""One connection to an endpoint that speaks Thrift, as a session: a call out, its reply in, one at a time.

Theory of operation. Thrift's servers answer in order and mostly one call at a time, so that a connection carries one call,
with its client's own sequence id, and the pool has as many as there are calls: as Finagle does. With `upgrades`, the first
call is preceded by the one that asks for TTwitter; an exception in answer to it means that the endpoint speaks plain
Thrift. A one-way call is over when it is sent. A server that does not know its method answers it nevertheless: that is
passed over when the next call's reply is waited for. Whatever goes wrong closes the connection.
"""

from collections.abc import Callable

import trio

from mesh import (
    Connection,
    Expiry,
    IdleTimeout,
    Limits,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.connections.gone import GONE
from mesh_plugins.connections.single import SingleSession
from mesh_plugins.thrift.asking import Refusals, ask
from mesh_plugins.thrift.framing import new_messages
from mesh_plugins.thrift.incoming import check_name, echoing, fitted, is_answer, next_message, reply_in
from mesh_plugins.thrift.message import BINARY, Frame, Message, ThriftReply, ThriftRequest, nothing
from mesh_plugins.thrift.outgoing import outgoing_call
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import ONEWAY, Incomplete, Malformed


class ThriftSession(SingleSession):
    """A session over one connection; see the module for how it works. Raises `UpstreamBroken`, `IdleTimeout`, and what
    the request's expiry says. State: `_is_upgraded`, None while the endpoint is still to be asked; `_has_sent` in a call;
    `_one_ways`, how many one-way calls were sent since the last reply.
    """

    __slots__ = (
        "_bounds",
        "_clock",
        "_expiry",
        "_has_sent",
        "_idle_seconds",
        "_is_upgraded",
        "_messages",
        "_one_ways",
        "_peer",
        "_piece_seconds",
        "_refusals",
    )

    def __init__(self, connection: Connection, peer: Peer, limits: Limits, refusals: Refusals) -> None:
        super().__init__(connection)
        self._peer = peer
        self._bounds = Bounds.of(limits)
        self._messages = new_messages(peer.encoding, self._bounds, is_framed=peer.is_framed)
        self._refusals = refusals
        asks = peer.upgrades and not refusals.has(connection.peer)
        self._is_upgraded: bool | None = None if asks else False
        self._idle_seconds = limits.stream_idle_timeout_s
        self._piece_seconds = limits.header_deadline_s
        self._expiry: Expiry | None = None
        self._has_sent = False
        self._one_ways = 0
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
                self._is_upgraded = await ask(connection, self._messages, self._peer, self._due, self._refusals)
            body = request.body
            if (
                request.encoding is self._peer.encoding
                and type(body) is Frame
                and not self._is_upgraded
                and self._peer.is_framed
            ):
                data, is_alike = body.data, True
            else:
                is_alike = False
                data = await outgoing_call(
                    request, request.head.seqid, self._peer, self._bounds, is_upgraded=bool(self._is_upgraded)
                )
            self._has_sent = True
            rest = connection.send(data)
            if rest is not None:
                await rest
            if request.head.kind == ONEWAY:
                self._one_ways += 1
                self._finish()
                return nothing(request)
            message = self._messages.arrived(await connection.receive_some())
            if message is None:
                message = await next_message(connection, self._messages, self._due)
            echoed = echoing(message, request, data) if is_alike and request.encoding is BINARY else None
            reply = echoed or await self._reply(message, request, is_alike=is_alike)
        except BaseException as error:
            self.close()
            if isinstance(error, Exception):
                raise self._translated(error) from error
            raise
        self._one_ways = 0
        self._finish()
        if request.context.replies is None:
            request.context.replies = reply
        else:
            request.context.made(reply)
        return reply

    def _due(self) -> float:
        """Return until when the next wait may last: for as long as nothing may come, and no longer than the expiry."""
        due = self._clock() + self._patience()
        return due if self._expiry is None or self._expiry.at > due else self._expiry.at

    def _patience(self) -> float:
        """Return how long nothing may come, in seconds: not as long in the middle of a reply as before it."""
        return self._piece_seconds if self._messages.count() else self._idle_seconds

    async def _reply(self, message: Message, request: ThriftRequest, *, is_alike: bool) -> ThriftReply:
        asked = request.head
        reply = self._read(message)
        while self._one_ways and not is_answer(reply.head, asked):
            self._one_ways -= 1
            reply = self._read(await next_message(self._connection, self._messages, self._due))
        head = reply.head
        if head.seqid != asked.seqid:
            raise Malformed(f"a reply with the sequence id {head.seqid} to a call with {asked.seqid}")
        if head.name != asked.name:
            check_name(head, asked)
        if is_alike and reply.encoding is request.encoding:
            return reply
        return await fitted(reply, request, self._peer, self._bounds)

    def _read(self, message: Message) -> ThriftReply:
        return reply_in(message, self._peer.encoding, self._bounds, is_upgraded=bool(self._is_upgraded))

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
            return IdleTimeout(f"{peer} sent nothing for {self._patience():g} s")
        if isinstance(error, GONE):
            begun = self._has_sent and self._messages.count() > 0
            return UpstreamBroken(
                f"the connection to {peer} broke: {error}", retryable=not self._has_sent, reply_begun=begun
            )
        if isinstance(error, Malformed | Incomplete):
            return UpstreamProtocolError(f"{peer}: {error}", reply_begun=self._has_sent)
        return error
