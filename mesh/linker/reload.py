"""Reloading: the stack file is read and checked again, and put into force or refused with everything that is wrong."""

import logging
import time
from collections.abc import Awaitable, Callable

import trio

from mesh.admin import Page, PageReply, PageRequest
from mesh.config import Loaded, read_file
from mesh.errors import ConfigError, MeshError, Problem
from mesh.linker.offline import offline
from mesh.metrics import Metrics
from mesh.plugins import Kinds

logger = logging.getLogger(__name__)

Put = Callable[[Loaded], Awaitable[None]]
"""Puts a configuration into force; raises `ConfigError` or `ListenError` if it cannot, and then nothing has changed."""


class Reloads:
    """The reloads of one process, one after the other; shown among the metrics, below `config`.

    The mutable state is what was loaded last, and the counts.
    """

    def __init__(self, loaded: Loaded, kinds: Kinds, put: Put, metrics: Metrics) -> None:
        self.loaded = loaded
        self._kinds = kinds
        self._put = put
        self._one = trio.Lock()
        scope = metrics.scope("config")
        self._successes = scope.counter("reloads")
        self._failures = scope.counter("reload_failures")
        self._failed = scope.gauge("last_reload_failed")
        self._loaded_at = scope.gauge("loaded_at_seconds")
        self._hash = scope.gauge("hash")
        self._note(loaded)

    async def reload(self) -> Loaded:
        """Read the file again, check it, and put it into force; return what is in force now.

        Raises `MeshError` with everything that is wrong; then the process goes on as it was. The check is that of
        `linker check`, in a thread, so that requests go on meanwhile.
        """
        async with self._one:
            try:
                loaded = await trio.to_thread.run_sync(checked, self.loaded.file, self._kinds)
                await self._put(loaded)
            except MeshError as error:
                self._failures.value += 1
                self._failed.value = 1
                logger.error("the configuration was not reloaded, nothing has changed: %s", error)
                raise
            self._successes.value += 1
            self._note(loaded)
            logger.info("reloaded %s (%s)", loaded.file, loaded.digest[:12])
            for warning in loaded.warnings:
                logger.warning("%s", warning.show())
            return loaded

    async def try_to(self) -> None:
        """Reload; the log tells why, if that does not work."""
        try:
            await self.reload()
        except MeshError:
            return

    def _note(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self._failed.value = 0
        self._loaded_at.value = round(time.time(), 3)
        self._hash.value = int(loaded.digest[:12], 16)  # as many bits as a double holds exactly


def checked(file: str, kinds: Kinds) -> Loaded:
    """Return the configuration in a file, when it is all that `linker check` asks for. Raises `ConfigError` otherwise."""
    if file.startswith("<"):
        raise ConfigError(Problem("came from standard input, which cannot be read again", file, expected="a file"))
    loaded = read_file(file, kinds)
    trio.run(_look, loaded, kinds)
    return loaded


async def _look(loaded: Loaded, kinds: Kinds) -> None:
    async with offline(loaded, kinds):
        pass


def reload_page(reloads: Reloads) -> Page:
    """Return the page that reloads: 200 when the new configuration is in force, 400 with what is wrong with it."""

    async def handle(_request: PageRequest) -> PageReply:
        try:
            loaded = await reloads.reload()
        except MeshError as error:
            return PageReply.of_text(f"{error}\n", 400)
        return PageReply.of_text(f"reloaded {loaded.file} ({loaded.digest[:12]})\n")

    return Page(
        "/admin/reload", "POST: read the stack file again, and put it into force if it is right", handle, ("POST",)
    )
