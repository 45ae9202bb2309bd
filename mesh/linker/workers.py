"""The workers of a supervisor: processes of our own interpreter, replaced when they die."""

import json
import logging
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import trio

from mesh.errors import MeshError
from mesh.linker.channel import Caller, Channel, ChannelClosed, Message

logger = logging.getLogger(__name__)

RESTART_SECONDS = (0.05, 10.0)  # first and longest pause before a worker that died is replaced
STEADY_SECONDS = 30.0  # a worker that lived for so long is replaced after the first pause again
ANSWER_SECONDS = 30.0  # within which a worker says whether it can take a configuration


class WorkerRefused(MeshError):
    """A worker cannot take a configuration; the message is its own."""

    detail = "worker_refused"


@attrs.frozen
class Given:
    """What a worker is told to serve: the text of the stack file, and the sockets to listen on, by door."""

    text: str
    file: str
    folder: str
    sockets: dict[str, socket.socket]


@attrs.define(eq=False)
class Slot:
    """The place of one worker: its number, and the process that fills it now. `caller` is None while there is none ready."""

    number: int
    pid: int = 0
    started: float = 0.0
    restarts: int = 0
    caller: Caller | None = None
    process: trio.Process | None = None
    pages: list[list[Any]] = attrs.field(factory=list)

    async def call(self, name: str, **fields: Any) -> Message | None:
        """Ask the worker; None if there is none, or it has gone."""
        if self.caller is None:
            return None
        try:
            return await self.caller.call(name, **fields)
        except ChannelClosed:
            return None

    async def prepare(self, caller: Caller, given: Given) -> None:
        """Have a worker prepare a configuration. Raises `WorkerRefused`, and `ChannelClosed` if it has gone."""
        with trio.move_on_after(ANSWER_SECONDS):
            answer = await caller.call(
                "prepare",
                list(given.sockets.values()),
                text=given.text,
                file=given.file,
                folder=given.folder,
                doors=list(given.sockets),
            )
            if "error" in answer:
                raise WorkerRefused(answer["error"])
            self.pages = answer["pages"]
            return
        raise WorkerRefused(f"worker {self.number} did not answer within {ANSWER_SECONDS:g} s")


class Starter:
    """Starts the worker of one slot, again and again, until told to stop.

    `configure(slot, caller)` gives it its configuration; `level` and `count` go on its command line.
    """

    def __init__(self, level: str, count: int, configure: Callable[[Slot, Caller], Awaitable[None]]) -> None:
        self._level = level
        self._count = count
        self._configure = configure
        self.stopping = False

    async def keep(self, slot: Slot) -> None:
        """Keep a slot filled. Raises what the first worker refuses; later refusals are logged, and tried again."""
        pause, longest = RESTART_SECONDS
        while not self.stopping:
            started = trio.current_time()
            try:
                status = await self._run(slot)
            except MeshError as error:
                if not slot.restarts and not slot.pid:
                    raise
                logger.error("worker %d cannot start: %s", slot.number, error)
                status = None
            if self.stopping:
                return
            if trio.current_time() - started > STEADY_SECONDS:
                pause = RESTART_SECONDS[0]
            logger.warning("worker %d ended (%s); it is replaced in %.2g s", slot.number, _shown(status), pause)
            slot.restarts += 1
            await trio.sleep(pause)
            pause = min(pause * 2, longest)

    async def _run(self, slot: Slot) -> int:
        """Run one worker to its end; return its status."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "mesh.linker.worker", str(theirs.fileno())]
        command += [self._level, str(slot.number), str(self._count)]
        with theirs:
            process = await trio.lowlevel.open_process(
                command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
            )
        channel = Channel(ours)
        caller = Caller(channel)
        slot.process = process
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(caller.run)
                await self._configure_or_end(slot, caller, process)
                status = await process.wait()
                nursery.cancel_scope.cancel()
        finally:
            slot.caller, slot.process = None, None
            channel.close()
            if process.returncode is None:
                process.kill()
                with trio.CancelScope(shield=True):
                    await process.wait()
        return status

    async def _configure_or_end(self, slot: Slot, caller: Caller, process: trio.Process) -> None:
        try:
            await self._configure(slot, caller)
        except ChannelClosed:  # it died meanwhile, and is replaced like any other
            return
        slot.pid, slot.started, slot.caller = process.pid, trio.current_time(), caller
        logger.info("worker %d is ready (pid %d)", slot.number, process.pid)


def _shown(status: int | None) -> str:
    if status is None:
        return "refused"
    return f"signal {-status}" if status < 0 else f"status {status}"


def as_json(slots: list[Slot]) -> str:
    """Return what is known of the workers, for `/admin/workers.json`."""
    now = trio.current_time()
    return json.dumps(
        [
            {
                "worker": slot.number,
                "pid": slot.pid if slot.caller is not None else None,
                "ready": slot.caller is not None,
                "restarts": slot.restarts,
                "uptimeSeconds": round(now - slot.started, 1) if slot.caller is not None else None,
            }
            for slot in slots
        ]
    )
