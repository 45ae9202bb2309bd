"""The calls of one connection that are not answered yet, and how they are: each by a worker, see `connections.workers`.

Theory of operation. `pending` has every call that is not answered, by its tag; whoever takes a call out of it answers it, or
nobody does. `held` is how many bytes those calls have. State changes between awaits. A call costs 4 µs like this, and 12 with
a task and a scope of its own.
"""

import logging
import struct
from collections.abc import Callable

import trio

from mesh import AnyService, Buffered, ClientGone, MeshError, Switch, close_forgotten
from mesh_plugins.connections.workers import Workers
from mesh_plugins.mux.calls import encode_answer
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import RDISPATCH, RREQ

logger = logging.getLogger(__name__)

CLIENT_GONE = f"{ClientGone.flag} {ClientGone.detail}"


class Call:
    """A call that is pending. `scope` ends the work on it; None while nobody works on it."""

    __slots__ = ("request", "scope", "service", "size", "tag")

    def __init__(self, tag: int, request: MuxRequest, service: AnyService, size: int) -> None:
        self.scope: trio.CancelScope | None = None
        self.tag = tag
        self.request = request
        self.service = service
        self.size = size


class Answering:
    """Answers the calls of one connection, in its nursery. `send` takes the frames of answers, whose bodies `max_bytes` bounds.

    `on_empty` is called when the last pending call is answered or given up.
    """

    __slots__ = ("_give", "_max_bytes", "_send", "_switch", "held", "on_empty", "pending")

    def __init__(
        self,
        nursery: trio.Nursery,
        switch: Switch,
        send: Callable[[bytes], None],
        max_bytes: int,
        on_empty: Callable[[], None],
    ) -> None:
        self._give = Workers(nursery, self._handle).give
        self._switch = switch
        self._send = send
        self._max_bytes = max_bytes
        self.on_empty = on_empty
        self.pending: dict[int, Call] = {}
        self.held = 0

    def begin(self, tag: int, request: MuxRequest, size: int = 0) -> None:
        """Have a call answered that took so many bytes; its tag is not pending."""
        self.held += size
        self.pending[tag] = call = Call(tag, request, self._switch.service, size)
        self._give(call)

    def discard(self, tag: int) -> bool:
        """Give a call up, which is not answered then; return false if it was not pending."""
        call = self.pending.pop(tag, None)
        if call is None:
            return False
        self.held -= call.size
        _gone(call.request)
        if call.scope is not None:
            call.scope.cancel()
        if not self.pending:
            self.on_empty()
        return True

    def abandon(self) -> None:
        """Let the calls that are pending know that their client went away; whoever owns the nursery cancels them."""
        for call in self.pending.values():
            _gone(call.request)

    def uses(self, service: AnyService) -> bool:
        """Return whether a pending call was handed to `service`."""
        return any(call.service is service for call in self.pending.values())

    async def _handle(self, call: Call) -> None:
        """Answer a call, unless it is given up."""
        tag, request = call.tag, call.request
        if self.pending.get(tag) is not call:
            return
        try:
            reply: MuxReply = await call.service(request)
        except Exception:
            logger.exception("a call was not answered: the stack has no filter that turns errors into replies")
            reply = failed("the call failed")
        except BaseException:
            self._forget(call)
            if request.context.replies is not None:
                await close_forgotten(request.context.replies, None)
            raise
        try:
            if not reply.whole:
                await self._gather(reply)
            if self.pending.get(tag) is call:
                del self.pending[tag]
                self.held -= call.size
                self._send(encoded(tag, request, reply))
                if not self.pending:
                    self.on_empty()
        finally:
            self._forget(call)
            await reply.aclose()
            made = request.context.replies
            if made is not reply and made is not None:
                await close_forgotten(made, reply)

    def _forget(self, call: Call) -> None:
        if self.pending.get(call.tag) is call:
            del self.pending[call.tag]
            self.held -= call.size
            if not self.pending:
                self.on_empty()

    async def _gather(self, reply: MuxReply) -> None:
        """Take a body into memory that streams; what goes wrong with it becomes the answer."""
        pieces, left = [], self._max_bytes
        try:
            while piece := await reply.body.receive():
                pieces.append(piece)
                left -= len(piece)
                if left < 0:
                    raise ValueError(f"it is longer than {self._max_bytes} bytes")
            reply.body = Buffered(b"".join(pieces))
        except (MeshError, ValueError) as error:
            shown = _unsendable(error)
            reply.status, reply.body, reply.contexts = shown.status, shown.body, shown.contexts


def encoded(tag: int, request: MuxRequest, reply: MuxReply) -> bytes:
    """Return the frame that answers a call; that of a failure if a reply cannot be sent."""
    try:
        if request.is_plain:
            return encode_answer(RREQ, tag, reply.pack_plain())
        return encode_answer(RDISPATCH, tag, reply.pack())
    except (struct.error, ValueError) as error:
        return encoded(tag, request, _unsendable(error))


def _unsendable(error: Exception) -> MuxReply:
    logger.debug("an answer cannot be sent as it is: %s", error)
    return failed(f"the answer cannot be sent: {error}")


def _gone(request: MuxRequest) -> None:
    request.context.flags = request.context.flags or CLIENT_GONE
