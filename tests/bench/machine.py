"""What a reader must know of the machine that a run was made on."""

import os
import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.needs import version


class Machine:
    """Observes the machine from its making on, for one run."""

    def __init__(self) -> None:
        self._started = datetime.now(UTC)
        self._load = os.getloadavg()[0]
        self._before = read_stolen(Path("/proc/stat").read_text())

    def describe(self, programs: Iterable[str]) -> str:
        """Return a line that says when, on what, and with what disturbance the run was made.

        "Stolen" is the share of processor time that the host of a virtual machine gave to others.
        """
        stolen, total = (
            now - then for now, then in zip(read_stolen(Path("/proc/stat").read_text()), self._before, strict=True)
        )
        model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
        versions = "".join(f", {program} {version(program)}" for program in programs)
        return (
            f"{self._started:%Y-%m-%d}, {os.cpu_count()} cores of {model[1] if model else platform.machine()}, "
            f"Linux {platform.release()}, Python {platform.python_version()}{versions}; "
            f"load before the run {self._load:.2f}, stolen {100 * stolen / max(1, total):.1f} %."
        )


def read_stolen(stat: str) -> tuple[int, int]:
    """Return the stolen and all ticks of the first line of `/proc/stat`."""
    ticks = [int(field) for field in stat.split("\n", 1)[0].split()[1:9]]
    return ticks[7], sum(ticks)
