"""Log files that are opened anew when SIGUSR1 comes."""

import gc
import os
import pathlib
import signal
from collections.abc import Iterator

import pytest
import trio

from mesh.config import read_text
from mesh.linker.process import Linker
from mesh.linker.run import run_until_signal
from tests.proxies import kinds, stack


@pytest.fixture
def _usual_collector() -> Iterator[None]:
    """Undo what a running process does to the garbage collector."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_usual_collector")
async def test_a_signal_has_log_files_opened_anew() -> None:
    told = trio.Event()

    def ready(linker: Linker) -> None:
        linker.reopening.add(linker.shut_down)
        linker.reopening.add(told.set)
        os.kill(os.getpid(), signal.SIGUSR1)

    with trio.fail_after(60):
        await run_until_signal(read_text(stack(80), file="test.yaml", kinds=kinds()), kinds(), ready)

    assert told.is_set()


async def test_a_stack_file_says_where_its_log_goes(tmp_path: pathlib.Path) -> None:
    text = stack(80, httpAccessLog=str(tmp_path / "log"), httpAccessLogRollPolicy="Weekly(2)")

    (router,) = read_text(text, file="test.yaml", kinds=kinds()).stack.routers

    assert (router.protocol.config.access_log_roll_policy.weekday, list(tmp_path.iterdir())) == (2, [])
