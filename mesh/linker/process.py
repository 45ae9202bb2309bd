"""A running process: what it serves now, and how that is exchanged while it serves.

Theory of operation. A configuration is put into force in two steps. `prepare` builds the stacks and binds the addresses that
are new, and may fail: then what it made is gone and nothing has changed. `Prepared.commit` neither fails nor awaits, so that
no request ever meets one half of a configuration: it hands each listener its new service, which live connections call from
their next request on. What is not needed any more is closed when the last exchange that was begun with it has ended, or
after the grace time. The first configuration goes the same way.
"""

import contextlib
import itertools
import logging
import socket
from collections.abc import Callable, Iterator

import attrs
import trio

from mesh.admin import Site, site_service
from mesh.codec import Serve, Switch
from mesh.life import Life
from mesh.linker.assemble import Assembly, BuiltRouter, BuiltServer, assemble
from mesh.linker.doors import ADMIN, NAMES, Door, Open, admin_door, identifier_door, open_door, router_doors
from mesh.linker.entrance import PLAIN, Entrance, entrances
from mesh.linker.identifying import identifying
from mesh.linker.listener import Listener, listen, show
from mesh.linker.room import Room, room
from mesh.linker.site import plain_server, process_site
from mesh.linker.succession import succeed
from mesh.linker.telemeters import Telemeters, span_sinks, telemeters
from mesh.metrics import Metrics
from mesh.params import Params
from mesh.plugins import Kinds
from mesh.reopening import REOPENING, Reopening
from mesh.service import AnyService
from mesh.settings import StackFile
from mesh.span import SPAN_SINKS
from mesh.target import DRAINING, WORKERS
from mesh.var import Var

logger = logging.getLogger(__name__)

RETIRING_SECONDS = 0.05  # between looks at whether the exchanges of what was replaced have ended


def _nothing() -> None:
    """Stand in for what is done when a configuration has gone."""


@attrs.define(eq=False)
class _Served:
    """One door with its listener, and the server that is behind it now."""

    door: Door
    listener: Listener
    label: str


@attrs.frozen(eq=False)
class _Own:
    """A server of the process's own: its door, its socket if that is new, what answers there, and who comes in how."""

    label: str
    door: Door
    sock: socket.socket | None
    service: AnyService
    entrance: Entrance


@attrs.define(eq=False)
class Linker:
    """A running process: its routers, listeners and admin server.

    Made without a configuration; `prepare` gives it one, and each later one. `draining` is true once the end has begun:
    listeners are closed, and connections end as their exchanges allow. `has_admin` is whether it has an admin server of its
    own. `workers` is how many such processes there are beside each other, itself included. `on_retired` is called when
    a configuration that was replaced has been closed.
    """

    kinds: Kinds
    metrics: Metrics
    life: Life
    nursery: trio.Nursery
    has_admin: bool = True
    workers: int = 1
    reopening: Reopening = attrs.field(factory=Reopening, init=False)
    assembly: Assembly = attrs.field(init=False)
    site: Site = attrs.field(factory=Site, init=False)
    telemeters: Telemeters = attrs.field(default=(), init=False)
    shown: Callable[[], object] = attrs.field(default=dict, init=False)
    grace_seconds: float = attrs.field(default=0.0, init=False)
    draining: bool = attrs.field(default=False, init=False)
    _leaves: Var[bool] = attrs.field(factory=lambda: Var(False), init=False)  # the same, for those who wait for it
    on_retired: Callable[[], object] = attrs.field(default=_nothing, init=False)
    pages: Callable[[Site], None] = attrs.field(default=lambda _site: None, init=False)
    _served: dict[str, _Served] = attrs.field(factory=dict, init=False)
    _own: dict[str, _Served] = attrs.field(factory=dict, init=False)
    _room: Room = attrs.field(factory=room, init=False)
    _leaving: list[Listener] = attrs.field(factory=list, init=False)
    _stop: trio.Event = attrs.field(factory=trio.Event, init=False)

    def __attrs_post_init__(self) -> None:
        self.assembly = Assembly((), (), None, self.life.child("assembly"))

    @property
    def addresses(self) -> list[str]:
        """Where the routers listen, as `host:port`, in the order of the stack file."""
        return [served.listener.address for served in self._served.values()]

    @property
    def listening(self) -> list[str]:
        """What listens where, for people; the admin server aside."""
        own = [served for served in self._own.values() if served.label != ADMIN]
        return [f"{served.label} on {served.listener.address}" for served in (*self._served.values(), *own)]

    @property
    def admin_address(self) -> str:
        """Where the admin server listens; empty without one."""
        return self._own_address(ADMIN)

    @property
    def identifier_address(self) -> str:
        """Where requests are named (`admin.httpIdentifierPort`); empty if nowhere."""
        return self._own_address(NAMES)

    def _own_address(self, label: str) -> str:
        return next((served.listener.address for served in self._own.values() if served.label == label), "")

    def shut_down(self) -> None:
        """Begin the end: accept no more, let exchanges finish within the grace time. Idempotent; returns at once."""
        self._stop.set()

    async def wait_stopped(self) -> None:
        """Wait until `shut_down` was called."""
        await self._stop.wait()

    async def drain(self) -> None:
        """Stop accepting, then wait until every connection has ended, at most for the grace time."""
        self.draining = True
        self._leaves.set(True)
        listeners = [*self._leaving, *(served.listener for served in self._served.values())]
        for listener in listeners:
            listener.stop()
        with trio.move_on_after(self.grace_seconds):
            for listener in listeners:
                await listener.wait_ended()

    def prepare(self, settings: StackFile, shown: Callable[[], object], open_: Open = open_door) -> "Prepared":
        """Build what `settings` ask for, and bind what does not listen yet; the process goes on as it is.

        `shown` returns the configuration as `/config.json` shows it. Raises `ConfigError` and `ListenError`; then nothing
        has changed. Otherwise either `commit` or `abandon` must be called, before the next `prepare`.
        """
        with contextlib.ExitStack() as undo:
            made = telemeters(settings.telemetry, self.telemeters)
            params = Params().put(REOPENING, self.reopening).put(WORKERS, self.workers).put(DRAINING, self._leaves)
            params = params.put(SPAN_SINKS, span_sinks(made))
            assembly = assemble(settings, self.kinds, self.life, self.metrics, params, self.assembly)
            undo.callback(assembly.life.close)
            doors = router_doors(settings)
            sockets = {door.key: _opened(door, open_, undo) for door in doors if door.key not in self._served}
            site = process_site(settings, self, made)
            self.pages(site)
            serve = plain_server(self.kinds)
            ways, admin = entrances(settings, assembly.routers, self.metrics)
            own = [
                _Own(label, door, None if door.key in self._own else _opened(door, open_, undo), service, entrance)
                for label, door, service, entrance in self._own_servers(settings, site, admin)
            ]
            return Prepared(
                self, settings, shown, assembly, doors, sockets, ways, site, made, own, serve, undo.pop_all()
            )

    def _own_servers(
        self, settings: StackFile, site: Site, admin: Entrance
    ) -> Iterator[tuple[str, Door, AnyService, Entrance]]:
        """Yield what the process itself serves: label, door, service and entrance."""
        if self.has_admin:
            yield ADMIN, admin_door(settings), site_service(site), admin
        names = identifier_door(settings)
        if names is not None:
            yield NAMES, names, identifying(lambda: self.assembly.routers), PLAIN

    def _put(self, prepared: "Prepared") -> None:
        before, self.assembly = self.assembly, prepared.assembly
        self.site, self.shown, self.telemeters = prepared.site, prepared.shown, prepared.telemeters
        self.grace_seconds = prepared.settings.admin.shutdown_grace_ms / 1e3
        steps = succeed(self.assembly, before)
        served, self._served = self._served, {}
        gone: list[Callable[[], bool]] = []
        servers = [(router, server) for router in self.assembly.routers for server in router.servers]
        for door, entrance, (router, server) in zip(prepared.doors, prepared.entrances, servers, strict=True):
            old = served.pop(door.key, None)
            self._served[door.key] = self._serve(door, router, server, old, prepared.sockets, gone)
            entrance.open(self._served[door.key].listener)
        for old in served.values():
            gone.append(self._leave(old.listener))
        self._put_own(prepared)
        if before.routers:
            self.life.spawn("closing what was replaced", lambda: self._retire(before, steps, gone))
        else:
            before.life.close()

    def _serve(
        self,
        door: Door,
        router: BuiltRouter,
        server: BuiltServer,
        old: _Served | None,
        sockets: dict[str, socket.socket],
        gone: list[Callable[[], bool]],
    ) -> _Served:
        """Have a listener call a server's service from now on: the one that is there, or a new one."""
        if old is None:
            listener = Listener(sockets[door.key], server.serve, Switch(server.service), room=self._room)
            self.nursery.start_soon(listener.run, self.nursery)
        else:
            listener = old.listener
            if listener.switch.service is not server.service:
                gone.append(_left(listener.switch, listener.switch.service))
            listener.serve, listener.switch.service = server.serve, server.service
            if old.door.options != door.options:
                _listen_again(listener, door)
        show(listener, router.metrics.scope("server", server.label, label=True))
        return _Served(door, listener, router.label)

    def _put_own(self, prepared: "Prepared") -> None:
        before, self._own = self._own, {}
        for own in prepared.own:
            old = before.pop(own.door.key, None)
            if old is not None:
                listener = old.listener
                listener.switch.service = own.service
            elif own.sock is not None:
                listener = Listener(own.sock, prepared.serve_own, Switch(own.service))
                self.nursery.start_soon(listener.run, self.nursery)
            else:
                continue
            own.entrance.open(listener)
            self._own[own.door.key] = _Served(own.door, listener, own.label)
        for old in before.values():
            self._leave(old.listener)

    def _leave(self, listener: Listener) -> Callable[[], bool]:
        """Let a listener end; return what says whether it has."""
        self._leaving.append(listener)
        listener.stop()

        async def wait() -> None:
            await listener.wait_ended()
            self._leaving.remove(listener)

        self.life.spawn(f"draining {listener.address}", wait)
        return lambda: listener not in self._leaving

    async def _retire(self, before: Assembly, steps: list[Iterator[None]], gone: list[Callable[[], bool]]) -> None:
        """Close what was replaced when the exchanges that were begun with it have ended, at the latest after the grace time."""
        for _step in itertools.chain(*steps):
            await trio.lowlevel.checkpoint()
        with trio.move_on_after(self.grace_seconds):
            while [has_gone for has_gone in gone if not has_gone()]:  # noqa: ASYNC110  requests must pay nothing for it
                await trio.sleep(RETIRING_SECONDS)
        before.life.close()
        gone.clear()
        self.on_retired()


@attrs.frozen(eq=False)
class Prepared:
    """A configuration that is ready to be put into force."""

    linker: Linker
    settings: StackFile
    shown: Callable[[], object]
    assembly: Assembly
    doors: list[Door]
    sockets: dict[str, socket.socket]
    entrances: list[Entrance]
    site: Site
    telemeters: Telemeters
    own: list[_Own]
    serve_own: Serve
    _undo: contextlib.ExitStack

    def commit(self) -> None:
        """Put it into force, all of it at once."""
        self._undo.pop_all()
        self.linker._put(self)

    def abandon(self) -> None:
        """Close what was built and bound for it."""
        self._undo.close()


def _opened(door: Door, open_: Open, undo: contextlib.ExitStack) -> socket.socket:
    sock = open_(door)
    undo.callback(sock.close)
    return sock


def _left(switch: Switch, service: AnyService) -> Callable[[], bool]:
    return lambda: switch.leaves(service)


def _listen_again(listener: Listener, door: Door) -> None:
    """Change how a listener listens, as far as that can be changed; the rest comes with the next start."""
    try:
        listen(listener.sock, door.options)
    except OSError as error:
        logger.warning("%s: its socket options cannot be changed: %s", listener.address, error.strerror)
