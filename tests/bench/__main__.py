"""`python -m tests.bench`: measure linker, Envoy and haproxy in turn and print a table; see docs/performance.md."""

import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import click

from tests.bench import needs, processes, report, rounds
from tests.bench.backend import backend
from tests.bench.errors import BenchError
from tests.bench.machine import Machine
from tests.bench.measurements import MEASUREMENTS, QUICK, Amounts, Bench
from tests.bench.peers import PEERS, Ground
from tests.certificates import Authority


class Choices(click.ParamType[list[str]]):
    """Names separated by commas, each one of those that are known."""

    name = "NAME,..."

    def __init__(self, known: Sequence[str]) -> None:
        self._known = list(known)

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Return the names in the order in which they are known."""
        names = str(value).split(",")
        for name in names:
            if name not in self._known:
                self.fail(f"{name!r} is not one of {', '.join(self._known)}", param, ctx)
        return [name for name in self._known if name in names]


@click.command()
@click.option("--rounds", "count", default=5, show_default=True, help="How often everything is measured.")
@click.option("--only", type=Choices(list(MEASUREMENTS)), default=",".join(MEASUREMENTS), show_default=True)
@click.option("--peers", type=Choices(list(PEERS)), default="linker,envoy,haproxy,finagle", show_default=True)
@click.option("--quick", is_flag=True, help="Short and small: shows that it works, measures nothing to be believed.")
@click.option(
    "--write", type=click.Path(exists=True, path_type=Path), help="Put the table between this file's markers."
)
def main(count: int, only: list[str], peers: list[str], quick: bool, write: Path | None) -> None:
    """Measure proxies in turn on one core, with the load generator and the backend on another."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, _end)
    programs = [*(program for peer in peers for program in PEERS[peer].programs), "nginx", "wrk", "nghttpd", "h2load"]
    try:
        needs.check([*programs, "taskset"])
        load_core, proxy_core = _cores()
        machine = Machine()
        text, failures = _measure(count, only, peers, QUICK if quick else Amounts(), load_core, proxy_core)
    except BenchError as error:
        raise click.ClickException(str(error)) from error
    text = f"{text}\n\n{count} rounds on {machine.describe(programs)}"
    click.echo(text)
    if write:
        report.write(write, text)
    sys.exit(1 if failures else 0)


def _measure(
    count: int, only: list[str], peers: list[str], amounts: Amounts, load_core: int, proxy_core: int
) -> tuple[str, list[str]]:
    """Return the table, with what failed below it, and what failed."""
    processes.pin(load_core)
    descriptors = processes.raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix="linker-bench-") as temporary:
        directory = Path(temporary)
        has_wide = "names" in only and "linker" in peers
        with backend(
            directory, core=load_core, large_bytes=amounts.large_bytes, has_wide=has_wide, descriptors=descriptors
        ) as services:
            certificate = Authority(directory).issue("web")
            ground = Ground(directory, proxy_core, services, amounts.endpoints, directory / "large", certificate)
            results, failures = rounds.run(count, only, peers, Bench(ground, amounts), _say)
    failed = "\n".join(["\nFailed:\n", *(f"- {failure}" for failure in failures)]) if failures else ""
    return report.table(results, peers) + failed, failures


def _cores() -> tuple[int, int]:
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        raise BenchError("two cores are needed: one for the proxy, one for the load generator and the backend")
    return cores[0], cores[1]


def _say(line: str) -> None:
    click.echo(line, err=True)


def _end(number: int, frame: FrameType | None) -> None:
    """Leave through every `finally`, so that no child outlives the benchmark."""
    sys.exit(128 + number)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench")
