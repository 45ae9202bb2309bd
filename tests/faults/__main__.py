"""`python -m tests.faults`: let every fault happen under load, and print what each cost; see docs/reliability.md."""

import sys
from pathlib import Path

import click

from tests.bench import report
from tests.bench.machine import Machine
from tests.faults.catalogue import FAULTS, Fault
from tests.faults.experiment import Phases, experiment
from tests.faults.measure import Cost

MIB = 1 << 20


@click.command()
@click.option("--only", default="", metavar="NAME,...", help="Some of the faults; all by default.")
@click.option(
    "--write", type=click.Path(exists=True, path_type=Path), help="Put the table between this file's markers."
)
def main(only: str, write: Path | None) -> None:
    """Let every fault happen to one of three backends, or to the linker, at 200 GETs per second."""
    names = only.split(",") if only else [fault.name for fault in FAULTS]
    unknown = set(names) - {fault.name for fault in FAULTS}
    if unknown:
        raise click.BadParameter(f"no such fault: {', '.join(sorted(unknown))}")
    machine = Machine()
    costs = []
    for fault in FAULTS:
        if fault.name in names:
            costs.append((fault, experiment(fault, Phases())))
            click.echo(f"{fault.name}: {costs[-1][1]}", err=True)
    text = f"{table(costs)}\n\n{machine.describe([])}"
    click.echo(text)
    if write:
        report.write(write, text, "faults")
    sys.exit(any(cost.failed for _fault, cost in costs))


def table(costs: list[tuple[Fault, Cost]]) -> str:
    """Return a Markdown table."""
    lines = [
        "| fault | requests | failed | broke off after the head | left after | came back after | memory |",
        "| --- | --: | --: | --: | --: | --: | --: |",
    ]
    for fault, cost in costs:
        times = [_seconds(fault, seconds) for seconds in (cost.left_after, cost.back_after)]
        cells = [fault.what, f"{cost.requests:,}", f"{cost.failed:,}", f"{cost.broken:,}", *times]
        lines.append(f"| {' | '.join(cells)} | {cost.grown / MIB:+.1f} MiB |")
    return "\n".join(lines)


def _seconds(fault: Fault, seconds: float | None) -> str:
    if not fault.moves:
        return "-"
    return "not in time" if seconds is None else f"{seconds:.1f} s"


if __name__ == "__main__":
    main()
