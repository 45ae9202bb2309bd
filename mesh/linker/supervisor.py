"""Several workers on the same addresses: who opens them, who replaces a worker, who asks all of them at once.

Theory of operation. The supervisor serves no request. It opens each address once for each worker (`SO_REUSEPORT`: the
system shares connections out among them), and keeps every socket open, so that the connections which wait for a worker that
died are taken by the one that replaces it. A configuration is put into force in all workers or in none: it is checked here,
then every worker prepares it, and only when all have said that they can are they told to commit. A worker that dies on the
way is started with whatever is in force then.
"""

import contextlib
import logging
import os
import pathlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Sequence

import attrs
import trio

from mesh.admin import PageRequest, site_service
from mesh.codec import Switch
from mesh.config import Loaded, masked
from mesh.errors import MeshError
from mesh.linker.channel import Caller, ChannelClosed, Message
from mesh.linker.doors import NAMES, Door, admin_door, open_door, worker_doors
from mesh.linker.listener import Listener
from mesh.linker.reload import Reloads, checked, reload_page
from mesh.linker.site import plain_server
from mesh.linker.summed import summed_site
from mesh.linker.ungrouped import ungrouped
from mesh.linker.vitals import vitals
from mesh.linker.workers import ANSWER_SECONDS, Given, Slot, Starter, WorkerRefused
from mesh.metrics import Metrics
from mesh.metrics.merging import dump, merged
from mesh.plugins import Kinds

logger = logging.getLogger(__name__)

SUMMED_SECONDS = 5.0  # within which a worker tells its metrics, or is left out of the sum
INSIST_SECONDS = 2.0  # beyond the grace time, before a worker that does not end is killed

Sockets = dict[str, list[socket.socket]]
"""The sockets of each door, one for each worker."""


@attrs.define(eq=False)
class Supervisor:
    """A running supervisor. State: what is in force, its sockets, and who fills the places of the workers."""

    loaded: Loaded
    kinds: Kinds
    count: int
    nursery: trio.Nursery
    metrics: Metrics = attrs.field(factory=Metrics)
    slots: list[Slot] = attrs.field(init=False)
    reloads: Reloads = attrs.field(init=False)
    starter: Starter = attrs.field(init=False)
    level: str = "INFO"
    _sockets: Sockets = attrs.field(factory=dict, init=False)
    _admin: Listener | None = attrs.field(default=None, init=False)
    _admin_key: str = attrs.field(default="", init=False)
    _one: trio.Lock = attrs.field(factory=trio.Lock, init=False)
    _stop: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.slots = [Slot(number) for number in range(self.count)]
        self.starter = Starter(self.level, self.count, self._configure)
        self.reloads = Reloads(self.loaded, self.kinds, self._put, self.metrics)

    @property
    def listening(self) -> list[str]:
        """What listens where, for people."""
        labels = [router.label for router in self.loaded.stack.routers for _server in router.servers]
        labels += [NAMES] * (len(self._sockets) - len(labels))
        addresses = [_address(sockets[0]) for sockets in self._sockets.values()]
        return [f"{label} on {address}" for label, address in zip(labels, addresses, strict=True)]

    @property
    def admin_address(self) -> str:
        """Where the admin server listens."""
        return "" if self._admin is None else self._admin.address

    @property
    def draining(self) -> bool:
        """Whether the end has begun."""
        return self.starter.stopping

    def awaited(self) -> list[str]:
        """Return what is waited for before requests can be taken by all."""
        if self.draining:
            return ["its end: the process is draining"]
        return [f"worker {slot.number}" for slot in self.slots if slot.caller is None]

    def shut_down(self) -> None:
        """Begin the end. Idempotent; returns at once."""
        self._stop.set()

    async def start(self) -> None:
        """Open every address, start all workers, and return when they serve. Raises `ListenError` and `WorkerRefused`."""
        self._sockets = self._opened(worker_doors(self.loaded.stack))
        self._serve_admin(self.loaded, self._admin_socket(self.loaded))
        for slot in self.slots:
            self.nursery.start_soon(self.starter.keep, slot)
        while self.awaited():  # noqa: ASYNC110  at the start alone
            await trio.sleep(0.01)
        self._serve_admin(self.loaded, None)  # now that the workers have said which pages they have

    async def run(self) -> None:
        """Wait until `shut_down` was called, then drain: no new connections, and at most the grace time for the others."""
        await self._stop.wait()
        self.starter.stopping = True
        grace = self.loaded.stack.admin.shutdown_grace_ms / 1e3
        logger.info("draining for up to %g s", grace)
        for sockets in self._sockets.values():
            _close(sockets)
        await self.ask("drain")
        with trio.move_on_after(grace + INSIST_SECONDS):
            while any(slot.process is not None for slot in self.slots):  # noqa: ASYNC110  at the end alone
                await trio.sleep(0.02)

    async def ask(self, name: str, seconds: float = SUMMED_SECONDS) -> list[tuple[int, Message]]:
        """Ask every worker that is ready; return the number and the answer of each that answers in time."""
        answers: list[tuple[int, Message]] = []

        async def ask_one(slot: Slot) -> None:
            answer = await slot.call(name)
            if answer is not None:
                answers.append((slot.number, answer))

        with trio.move_on_after(seconds):
            async with trio.open_nursery() as nursery:
                for slot in self.slots:
                    nursery.start_soon(ask_one, slot)
        return sorted(answers, key=lambda answer: answer[0])

    async def whole(self) -> Metrics:
        """Return the metrics of all workers, and of the supervisor, added up."""
        answers = await self.ask("metrics")
        own = self.metrics
        own.gauge("workers", "ready").value = sum(slot.caller is not None for slot in self.slots)
        own.counter("workers", "restarts").value = sum(slot.restarts for slot in self.slots)
        return merged([dump(own), *(answer["metrics"] for _number, answer in answers)])

    async def one(self, number: int) -> Metrics | None:
        """Return the metrics of one worker; None if there is no such worker now."""
        answer = await self.slots[number].call("metrics") if 0 <= number < self.count else None
        return None if answer is None else merged([answer["metrics"]])

    async def page(self, number: int | None, request: PageRequest) -> Message | None:
        """Return what a worker answers for a page: the first that is ready, unless a number is given.

        What changes something (POST) is asked of every worker; the first answer is returned.
        """
        shown: Message | None = None
        for slot in self.slots if number is None else self.slots[number : number + 1]:
            answer = await slot.call("page", page={**attrs.asdict(request), "body": request.body.decode("latin-1")})
            if answer is not None and "page" in answer:
                shown = shown or answer["page"]
                if request.method != "POST":
                    break
        return shown

    async def _configure(self, slot: Slot, caller: Caller) -> None:
        """Give a new worker what is in force."""
        async with self._one:
            await slot.prepare(caller, self._given(self.loaded, self._sockets, slot.number))
            await caller.call("commit")

    def _given(self, loaded: Loaded, sockets: Sockets, number: int) -> Given:
        folder = str(pathlib.Path() if loaded.file.startswith("<") else pathlib.Path(loaded.file).parent)
        return Given(loaded.source, loaded.file, folder, {key: opened[number] for key, opened in sockets.items()})

    async def _put(self, loaded: Loaded) -> None:
        """Put a configuration into force in every worker, or in none."""
        async with self._one:
            doors = worker_doors(loaded.stack)
            new = self._opened([door for door in doors if door.key not in self._sockets])
            try:
                admin = self._admin_socket(loaded)
                try:
                    await self._all_prepare(loaded, new)
                except BaseException:
                    if admin is not None:
                        admin.close()
                    raise
            except BaseException:
                for opened in new.values():
                    _close(opened)
                raise
            await self._all_commit()
            before, self.loaded = self._sockets, loaded
            self._sockets = {door.key: before.pop(door.key) if door.key in before else new[door.key] for door in doors}
            for opened in before.values():
                _close(opened)
            self._serve_admin(loaded, admin)

    async def _all_prepare(self, loaded: Loaded, new: Sockets) -> None:
        refusals: list[MeshError] = []

        async def prepare(slot: Slot, caller: Caller) -> None:
            try:
                await slot.prepare(caller, self._given(loaded, new, slot.number))
            except ChannelClosed:
                return  # it is replaced, and the one after it gets what is in force then
            except WorkerRefused as error:
                refusals.append(error)

        async with trio.open_nursery() as nursery:
            for slot in self.slots:
                if slot.caller is not None:
                    nursery.start_soon(prepare, slot, slot.caller)
        if refusals:
            with trio.CancelScope(shield=True):
                await self.ask("abandon")
            raise refusals[0]

    async def _all_commit(self) -> None:
        """Have every worker put into force what it has prepared; one that does not say that it has is replaced."""
        asked = [slot for slot in self.slots if slot.caller is not None]
        with trio.CancelScope(shield=True):
            answers = dict(await self.ask("commit", ANSWER_SECONDS))
        for slot in asked:
            if slot.caller is not None and "error" in answers.get(slot.number, {"error": ""}):
                logger.error("worker %d did not put the configuration into force; it is replaced", slot.number)
                _kill([slot])

    def _opened(self, doors: Sequence[Door]) -> Sockets:
        """Open each door once for each worker. Raises `ListenError`, and then leaves nothing open."""
        with contextlib.ExitStack() as undo:
            sockets: Sockets = {}
            for door in doors:
                opened = sockets[door.key] = []
                for sock in _shared(door, self.count):
                    undo.callback(sock.close)
                    opened.append(sock)
            undo.pop_all()
        return sockets

    def _admin_socket(self, loaded: Loaded) -> socket.socket | None:
        """Return a socket for the admin server if its address is another one than now."""
        door = admin_door(loaded.stack)
        return None if door.key == self._admin_key else open_door(door)

    def _serve_admin(self, loaded: Loaded, sock: socket.socket | None) -> None:
        site = summed_site(self, loaded, lambda: masked(loaded))
        site.add(reload_page(self.reloads))
        service = site_service(site)
        if sock is None and self._admin is not None:
            self._admin.switch.service = service
        elif sock is not None:
            if self._admin is not None:
                self._admin.stop()
            self._admin = Listener(sock, plain_server(self.kinds), Switch(service))
            self._admin_key = admin_door(loaded.stack).key
            self.nursery.start_soon(self._admin.run, self.nursery)


def _shared(door: Door, count: int) -> list[socket.socket]:
    """Return sockets that share an address. Raises `ListenError` if somebody else has it, even one that would share it."""
    if not door.options.reuse_port:
        probe = open_door(door)
        port = probe.getsockname()[1]
        probe.close()
        door = attrs.evolve(door, port=port)
    options = attrs.evolve(door.options, reuse_port=True)
    opened: list[socket.socket] = []
    try:
        for _number in range(count):
            opened.append(open_door(attrs.evolve(door, options=options)))
            door = attrs.evolve(door, port=opened[0].getsockname()[1])
    except BaseException:
        _close(opened)
        raise
    return opened


def _close(sockets: Sequence[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _address(sock: socket.socket) -> str:
    ip, port, *_more = sock.getsockname()
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


async def supervise_until_signal(
    loaded: Loaded, kinds: Kinds, count: int, level: str, ready: Callable[[Supervisor], None]
) -> None:
    """Run a stack file in `count` workers until SIGTERM, SIGINT or `/admin/shutdown`, then drain; a second signal kills.

    SIGHUP and `/admin/reload` put the file into force again, in all workers or in none; SIGUSR1 has log files opened anew.
    """
    if not loaded.file.startswith("<"):
        loaded = await trio.to_thread.run_sync(checked, loaded.file, kinds)
    with (
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1) as signals,
        ungrouped(),
        contextlib.ExitStack() as end,
    ):
        async with trio.open_nursery() as nursery:
            supervisor = Supervisor(loaded, kinds, count, nursery, level=level)
            end.enter_context(vitals(supervisor.metrics))
            nursery.start_soon(_on_signals, signals, supervisor)
            nursery.start_soon(supervisor.metrics.rotation.run)
            await supervisor.start()
            ready(supervisor)
            await supervisor.run()
            nursery.cancel_scope.cancel()


async def _on_signals(signals: AsyncIterator[int], supervisor: Supervisor) -> None:
    told = False
    async for number in signals:
        if number == signal.SIGHUP:
            supervisor.nursery.start_soon(supervisor.reloads.try_to)
        elif number == signal.SIGUSR1:
            await supervisor.ask("reopen")
        elif told:
            _kill(supervisor.slots)
        else:
            told = True
            supervisor.shut_down()


def _kill(slots: Sequence[Slot]) -> None:
    for slot in slots:
        if slot.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(slot.process.pid, signal.SIGKILL)
