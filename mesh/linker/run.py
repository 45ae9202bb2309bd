"""Running: listen, serve, take a new configuration when told to, and come to an orderly end."""

import contextlib
import gc
import logging
import signal
from collections.abc import AsyncIterator, Callable

import trio

from mesh.config import Loaded, masked
from mesh.life import Life
from mesh.linker.doors import Open, open_door
from mesh.linker.placed import placed
from mesh.linker.process import Linker
from mesh.linker.reload import Reloads, reload_page
from mesh.linker.ungrouped import ungrouped
from mesh.linker.vitals import vitals
from mesh.linker.watchdog import Watchdog
from mesh.metrics import Metrics
from mesh.plugins import Kinds
from mesh.settings import StackFile

logger = logging.getLogger(__name__)

GC_THRESHOLDS = (50_000, 20, 50)  # requests make next to no cycles; the default looks for some every 700 objects


@contextlib.asynccontextmanager
async def running(
    settings: StackFile, kinds: Kinds, shown: Callable[[], object] = dict, open_: Open = open_door
) -> AsyncIterator[Linker]:
    """Run a stack file inside the block; everything is closed at its end, at once.

    Every socket is bound before anything is served: if one cannot be, `ListenError` is raised and nothing has happened.
    Raises `ConfigError` as `assemble` does. `shown` returns the configuration as `/config.json` shows it.
    """
    async with process(kinds) as linker:
        linker.prepare(settings, shown, open_).commit()
        yield linker


@contextlib.asynccontextmanager
async def process(kinds: Kinds, *, has_admin: bool = True, workers: int = 1) -> AsyncIterator[Linker]:
    """Return a process that has no configuration yet; everything in it is closed at the end of the block, at once.

    `workers` is among how many processes what a budget allows is divided.
    """
    metrics = Metrics()
    with ungrouped(), vitals(metrics, has_start=has_admin):
        async with trio.open_nursery() as nursery:
            life = Life(nursery, "linker")
            try:
                life.start("metrics", metrics.rotation.run)
                yield Linker(kinds, metrics, life, nursery, has_admin, workers)
            finally:
                life.close()
                nursery.cancel_scope.cancel()


def watched(linker: Linker) -> contextlib.AbstractContextManager[None]:
    """Have the log say inside the block which code keeps the requests waiting."""
    watchdog = Watchdog(linker.metrics)
    linker.life.start("watchdog", watchdog.run)
    return watchdog.watching()


def tune_collector(linker: Linker) -> None:
    """Keep the collector from looking at what stays, and from looking for cycles that requests do not make."""
    linker.on_retired = gc.collect  # what was replaced is full of cycles, and would stay for hours
    gc.collect()
    gc.freeze()  # what is here now stays: no collection needs to look at it again
    gc.set_threshold(*GC_THRESHOLDS)


async def run_until_signal(loaded: Loaded, kinds: Kinds, ready: Callable[[Linker], None]) -> None:
    """Run a stack file until SIGTERM, SIGINT or `/admin/shutdown`, then drain; a second signal ends it at once.

    SIGHUP and `/admin/reload` have it read its file again; SIGUSR1, as for nginx, has log files opened anew.
    """
    with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1) as signals:
        async with process(kinds) as linker, trio.open_nursery() as nursery:

            async def put(again: Loaded) -> None:
                with placed(again):
                    prepared = linker.prepare(again.stack, lambda: masked(again))
                prepared.commit()

            reloads = Reloads(loaded, kinds, put, linker.metrics)
            linker.pages = lambda site: site.add(reload_page(reloads))
            await put(loaded)
            tune_collector(linker)
            with watched(linker):
                ready(linker)
                nursery.start_soon(_on_signals, signals, linker, nursery, reloads)
                await linker.wait_stopped()
                logger.info("draining for up to %g s", linker.grace_seconds)
                await linker.drain()
            nursery.cancel_scope.cancel()


async def _on_signals(signals: AsyncIterator[int], linker: Linker, everything: trio.Nursery, reloads: Reloads) -> None:
    told = False
    async for number in signals:
        if number == signal.SIGHUP:
            everything.start_soon(reloads.try_to)
        elif number == signal.SIGUSR1:
            linker.reopening.now()
        elif told:
            everything.cancel_scope.cancel()
        else:  # it changes nothing where `/admin/shutdown` came before, as from a hook
            told = True
            linker.shut_down()
