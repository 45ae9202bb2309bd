"""The order of a run: rounds, in each every measurement, for each every peer, so that neighbours in time are compared."""

import subprocess
from collections.abc import Callable, Sequence

from tests.bench.errors import BenchError
from tests.bench.measurements import MEASUREMENTS, Bench
from tests.bench.peers import PEERS
from tests.bench.report import Results

NEWLINE = "\n"


def run(
    rounds: int, measurements: Sequence[str], peers: Sequence[str], bench: Bench, say: Callable[[str], None]
) -> tuple[Results, list[str]]:
    """Measure everything `rounds` times; return the results and one line for each measurement that failed.

    Every peer is started once beforehand, so that none pays for cold files. A failure costs the figures of one
    peer in one round.
    """
    results = Results()
    failures: list[str] = []
    for name in peers:
        with PEERS[name](bench.ground).running():
            say(f"{name} runs")
    for number in range(rounds):
        for key, name in order(number, measurements, peers):
            place = f"round {number + 1}, {key}, {name}"
            try:
                figures = MEASUREMENTS[key].measure(PEERS[name], bench)
            except (BenchError, OSError, subprocess.TimeoutExpired) as error:
                say(f"{place}: {error}")
                failures.append(f"{place}: {str(error).partition(NEWLINE)[0]}")
                continue
            for row, value in figures.items():
                results.add(number, row, name, value)
            say(f"{place}: {', '.join(f'{row} {value:.4g}' for row, value in figures.items())}")
    return results, failures


def order(number: int, measurements: Sequence[str], peers: Sequence[str]) -> list[tuple[str, str]]:
    """Return what round `number` measures of whom, in turn: each round begins with the next peer."""
    first = number % len(peers)
    turn = (*peers[first:], *peers[:first])
    return [(key, name) for key in measurements for name in turn if name in MEASUREMENTS[key].peers]
