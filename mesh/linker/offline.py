"""A stack file assembled for a look at it, without a listener."""

import contextlib
from collections.abc import AsyncIterator

import trio

from mesh.config import Loaded
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.linker.placed import placed
from mesh.linker.ungrouped import ungrouped
from mesh.metrics import Metrics
from mesh.plugins import Kinds


@contextlib.asynccontextmanager
async def offline(loaded: Loaded, kinds: Kinds) -> AsyncIterator[Assembly]:
    """Assemble a stack file: its namers answer inside the block, and whatever was started ends with it.

    Raises `ConfigError` as `assemble` does, with the places in the file.
    """
    with placed(loaded), ungrouped():
        async with trio.open_nursery() as nursery:
            life = Life(nursery, "offline")
            try:
                yield assemble(loaded.stack, kinds, life, Metrics())
            finally:
                life.close()
                nursery.cancel_scope.cancel()
