"""Child processes: pinned to one core, on free loopback ports, and ended by their own pid whatever happens."""

import contextlib
import os
import resource
import shlex
import subprocess
from pathlib import Path

from tests.bench.errors import ChildError
from tests.bench.needs import find

STOP_SECONDS = 5.0  # how long a process may take to end when asked; a proxy that drains for longer is killed


class Child:
    """A running command, pinned to `core`, whose output goes to `log`.

    The mutable state is the process; only `stop` ends it, and whoever started it calls `stop`.
    """

    def __init__(self, command: list[str], *, core: int, log: Path, cwd: Path, env: dict[str, str]) -> None:
        self._command = command
        self._log = log
        with log.open("wb") as output:
            # `taskset` replaces itself by the command, so that the pid is the command's.
            self._process = subprocess.Popen(
                [find("taskset"), "--cpu-list", str(core), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=cwd,
                env=env,
            )

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def check_alive(self) -> None:
        """Raise `ChildError` if the process has ended."""
        status = self._process.poll()
        if status is not None:
            raise ChildError(f"{shlex.join(self._command)} ended with status {status}\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of what the process printed."""
        return self._log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        """Ask the process to end, insist after a while, and wait until it has gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def pin(core: int) -> None:
    """Keep this process, and so its threads and every load generator it starts, on `core`."""
    os.sched_setaffinity(0, {core})


def raise_descriptor_limit() -> int:
    """Let this process and its children open as many files as the machine allows; return how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
