"""The tasks that answer the calls of one connection.

Theory of operation. A worker handles one call at a time and then waits for the next, so that a call costs neither a new task
nor a cancel scope: a worker has its scope for life, and one whose call is given up is cancelled and replaced. `pending` has
every call that is not answered, by its tag; whoever takes a call out of it answers it, or nobody does. `held` is how many
bytes those calls have. State changes between awaits. A call costs 4 µs like this, and 12 with a task and a scope of its own.
"""

import logging
import struct
from collections.abc import Callable

import trio
from trio import lowlevel

from mesh import AnyService, Buffered, ClientGone, MeshError, Path, Reply, Request, Switch, close_forgotten
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.outgoing import WOKEN

logger = logging.getLogger(__name__)

MOST_IDLE = 64  # workers of one connection that wait for the next call; the others end
NOTHING = MuxRequest(Path())
CLIENT_GONE = f"{ClientGone.flag} {ClientGone.detail}"


class Worker:
    """One task. `tag`, `request`, `size` and `service` are of the call that it handles."""

    __slots__ = ("request", "scope", "service", "size", "tag", "task")

    def __init__(self, tag: int, request: MuxRequest, service: AnyService, size: int) -> None:
        self.scope = trio.CancelScope()
        self.task: lowlevel.Task | None = None
        self.tag = tag
        self.request = request
        self.service = service
        self.size = size

    def wake(self) -> None:
        """Let an idle worker handle the call that it was given."""
        if self.task is not None:
            lowlevel.reschedule(self.task, WOKEN)


class Workers:
    """The workers of one connection, in its nursery. `answer` sends what a service replied; `max_bytes` bounds that.

    `on_empty` is called when the last pending call is answered or given up.
    """

    __slots__ = ("_answer", "_idle", "_max_bytes", "_nursery", "_switch", "held", "on_empty", "pending")

    def __init__(
        self,
        nursery: trio.Nursery,
        switch: Switch,
        answer: Callable[[int, MuxRequest, bytes], None],
        max_bytes: int,
        on_empty: Callable[[], None],
    ) -> None:
        self._nursery = nursery
        self._switch = switch
        self._answer = answer
        self._max_bytes = max_bytes
        self._idle: list[Worker] = []
        self.on_empty = on_empty
        self.pending: dict[int, Worker] = {}
        self.held = 0

    def begin(self, tag: int, request: MuxRequest, size: int = 0) -> None:
        """Have a call answered that took so many bytes; its tag is not pending."""
        self.held += size
        service = self._switch.service
        if self._idle:
            worker = self._idle.pop()
            worker.tag, worker.request, worker.service, worker.size = tag, request, service, size
            self.pending[tag] = worker
            worker.wake()
        else:
            self.pending[tag] = worker = Worker(tag, request, service, size)
            self._nursery.start_soon(self._run, worker)

    def discard(self, tag: int) -> bool:
        """Give a call up, which is not answered then; return false if it was not pending."""
        worker = self.pending.pop(tag, None)
        if worker is None:
            return False
        self.held -= worker.size
        _gone(worker.request)
        worker.scope.cancel()
        if not self.pending:
            self.on_empty()
        return True

    def abandon(self) -> None:
        """Let the calls that are pending know that their client went away; whoever owns the nursery cancels them."""
        for worker in self.pending.values():
            _gone(worker.request)

    def uses(self, service: AnyService) -> bool:
        """Return whether a pending call was handed to `service`."""
        return any(worker.service is service for worker in self.pending.values())

    async def _run(self, worker: Worker) -> None:
        worker.task = lowlevel.current_task()
        with worker.scope:
            while True:
                await self._handle(worker)
                if len(self._idle) >= MOST_IDLE:
                    return
                worker.request, worker.service = (
                    NOTHING,
                    _nobody,
                )  # a large call, or a stack that was replaced, is let go
                self._idle.append(worker)
                await lowlevel.wait_task_rescheduled(lambda _raise_cancel: self._dismiss(worker))

    def _dismiss(self, worker: Worker) -> lowlevel.Abort:
        self._idle.remove(worker)
        return lowlevel.Abort.SUCCEEDED

    async def _handle(self, worker: Worker) -> None:
        """Answer the worker's call, unless it is given up."""
        tag, request = worker.tag, worker.request
        try:
            reply: MuxReply = await worker.service(request)
        except Exception:
            logger.exception("a call was not answered: the stack has no filter that turns errors into replies")
            reply = failed("the call failed")
        except BaseException:
            self._forget(worker)
            if request.context.replies is not None:
                await close_forgotten(request.context.replies, None)
            raise
        try:
            if not reply.whole:
                await self._gather(reply)
            packed = self._packed(request, reply)
            if self.pending.get(tag) is worker:
                del self.pending[tag]
                self.held -= worker.size
                self._answer(tag, request, packed)
                if not self.pending:
                    self.on_empty()
        finally:
            self._forget(worker)
            await reply.aclose()
            made = request.context.replies
            if made is not reply and made is not None:
                await close_forgotten(made, reply)

    def _forget(self, worker: Worker) -> None:
        if self.pending.get(worker.tag) is worker:
            del self.pending[worker.tag]
            self.held -= worker.size
            if not self.pending:
                self.on_empty()

    def _packed(self, request: MuxRequest, reply: MuxReply) -> bytes:
        """Return what follows the tag of an answer."""
        try:
            return reply.pack_plain() if request.is_plain else reply.pack()
        except (struct.error, ValueError) as error:
            shown = _unsendable(error)
        return shown.pack_plain() if request.is_plain else shown.pack()

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


async def _nobody(_request: Request) -> Reply:
    raise LookupError("a worker without a call has no service")


def _unsendable(error: Exception) -> MuxReply:
    logger.debug("an answer cannot be sent as it is: %s", error)
    return failed(f"the answer cannot be sent: {error}")


def _gone(request: MuxRequest) -> None:
    request.context.flags = request.context.flags or CLIENT_GONE
