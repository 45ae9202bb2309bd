"""Running: listen, serve, show, and come to an orderly end."""

import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable

import attrs
import trio

from mesh.admin import (
    Page,
    PageReply,
    PageRequest,
    Site,
    add_index,
    liveness_pages,
    metrics_page,
    prometheus_page,
    site_service,
)
from mesh.codec import Serve, Switch
from mesh.config import Loaded, masked
from mesh.errors import ConfigError, Problem
from mesh.keys import Category
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.linker.listener import Listener, open_socket, show
from mesh.linker.pages import process_pages
from mesh.linker.ungrouped import ungrouped
from mesh.metrics import Metrics
from mesh.params import Params
from mesh.plugins import Kinds, load
from mesh.reopening import REOPENING, Reopening
from mesh.settings import SocketOptions, StackFile
from mesh.telemeter import MetricsPage, Telemeter

logger = logging.getLogger(__name__)

GC_THRESHOLDS = (50_000, 20, 50)  # requests make next to no cycles; the default looks for some every 700 objects


@attrs.define(eq=False)
class Linker:
    """A running process: its routers, listeners and admin server. `listening` says what listens where, for people.

    `draining` is true once the end has begun: listeners are closed, and connections end as their exchanges allow.
    """

    assembly: Assembly
    metrics: Metrics
    grace_seconds: float
    reopening: Reopening = attrs.field(factory=Reopening)
    listening: list[str] = attrs.field(factory=list)
    admin_address: str = ""
    draining: bool = False
    _listeners: list[Listener] = attrs.field(factory=list)
    _accepting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _stop: trio.Event = attrs.field(factory=trio.Event)

    @property
    def addresses(self) -> list[str]:
        """Where the routers listen, as `host:port`, in the order of the stack file."""
        return [listener.address for listener in self._listeners]

    def shut_down(self) -> None:
        """Begin the end: accept no more, let exchanges finish within the grace time. Idempotent; returns at once."""
        self._stop.set()

    async def wait_stopped(self) -> None:
        """Wait until `shut_down` was called."""
        await self._stop.wait()

    async def drain(self) -> None:
        """Stop accepting, then wait until every connection has ended, at most for the grace time."""
        self.draining = True
        self._accepting.cancel()
        for listener in self._listeners:
            listener.switch.drain()
        with trio.move_on_after(self.grace_seconds):
            for listener in self._listeners:
                await listener.wait_ended()


@contextlib.asynccontextmanager
async def running(settings: StackFile, kinds: Kinds, shown: Callable[[], object] = dict) -> AsyncIterator[Linker]:
    """Run a stack file inside the block; everything is closed at its end, at once.

    Every socket is bound before anything is served: if one cannot be, `ListenError` is raised and nothing has happened.
    Raises `ConfigError` as `assemble` does. `shown` returns the configuration as `/config.json` shows it.
    """
    metrics = Metrics()
    with ungrouped():
        async with trio.open_nursery() as nursery:
            life = Life(nursery, "linker")
            try:
                reopening = Reopening()
                assembly = assemble(settings, kinds, life, metrics, Params().put(REOPENING, reopening))
                linker = Linker(assembly, metrics, settings.admin.shutdown_grace_ms / 1e3, reopening)
                admin = _listen(linker, settings, kinds, _site(linker, settings, shown))
                life.start("metrics", metrics.rotation.run)
                nursery.start_soon(_accept, linker, nursery)
                nursery.start_soon(admin.run, nursery)
                yield linker
            finally:
                life.close()
                nursery.cancel_scope.cancel()


def _site(linker: Linker, settings: StackFile, shown: Callable[[], object]) -> Site:
    def awaited() -> list[str]:
        return ["its end: the process is draining"] if linker.draining else []

    site = Site([*liveness_pages(awaited), metrics_page(linker.metrics), prometheus_page(linker.metrics)])
    for page in process_pages(linker.assembly, shown, linker.shut_down):
        site.add(page)
    for chosen in settings.telemetry:
        telemeter: Telemeter = load(chosen.kind)(chosen.config)
        for shows in telemeter.pages():
            if shows.path not in {page.path for page in site.pages}:
                site.add(_metrics_page(shows, linker.metrics))
    add_index(site)
    return site


def _metrics_page(shows: MetricsPage, metrics: Metrics) -> Page:
    def handle(_request: PageRequest) -> PageReply:
        return PageReply(200, shows.content_type, shows.render(metrics))

    return Page(shows.path, shows.summary, handle)


def _listen(linker: Linker, settings: StackFile, kinds: Kinds, site: Site) -> Listener:
    """Bind every address, the admin server's last; none stays open if one cannot be."""
    with contextlib.ExitStack() as opened:
        for router in linker.assembly.routers:
            for server in router.servers:
                sock = open_socket(server.settings.ip, server.settings.port, server.settings.socket_options)
                opened.callback(sock.close)
                listener = Listener(sock, server.serve, Switch(server.service))
                show(listener, router.metrics.scope("server", server.label, label=True))
                linker._listeners.append(listener)
                linker.listening.append(f"{router.label} on {listener.address}")
        sock = open_socket(settings.admin.ip, settings.admin.port, SocketOptions())
        opened.callback(sock.close)
        admin = Listener(sock, plain_server(kinds), Switch(site_service(site)))
        linker.admin_address = admin.address
        opened.pop_all()
    return admin


def plain_server(kinds: Kinds) -> Serve:
    """Return what serves services of our own, such as the admin pages. Raises `ConfigError` if no plugin brings it."""
    for kind in kinds.all():
        if kind.category is Category.PROTOCOL and kind.serve:
            serve: Serve = load(kind, kind.serve)()
            return serve
    raise ConfigError(Problem("no installed plugin brings a protocol that can serve the admin pages"))


async def _accept(linker: Linker, nursery: trio.Nursery) -> None:
    with linker._accepting:
        async with trio.open_nursery() as accepting:
            for listener in linker._listeners:
                accepting.start_soon(listener.run, nursery)


async def run_until_signal(loaded: Loaded, kinds: Kinds, ready: Callable[[Linker], None]) -> None:
    """Run a stack file until SIGTERM, SIGINT or `/admin/shutdown`, then drain; a second signal ends it at once.

    SIGUSR1, as for nginx, has log files opened anew.
    """
    with (
        trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals,
        trio.open_signal_receiver(signal.SIGUSR1) as reopens,
    ):
        async with running(loaded.stack, kinds, lambda: masked(loaded)) as linker, trio.open_nursery() as nursery:
            gc.collect()
            gc.freeze()  # what is here now stays: no collection needs to look at it again
            gc.set_threshold(*GC_THRESHOLDS)
            ready(linker)
            nursery.start_soon(_on_signals, signals, linker, nursery.cancel_scope)
            nursery.start_soon(_on_reopen, reopens, linker.reopening)
            await linker.wait_stopped()
            logger.info("draining for up to %g s", linker.grace_seconds)
            await linker.drain()
            nursery.cancel_scope.cancel()


async def _on_signals(signals: AsyncIterator[int], linker: Linker, everything: trio.CancelScope) -> None:
    async for _number in signals:  # the first; it changes nothing where `/admin/shutdown` came before, as from a hook
        linker.shut_down()
        break
    async for _number in signals:
        everything.cancel()


async def _on_reopen(signals: AsyncIterator[int], reopening: Reopening) -> None:
    async for _number in signals:
        reopening.now()
