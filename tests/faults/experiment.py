"""One experiment: load, a fault in the middle of it, and what that cost."""

import tempfile
from pathlib import Path

import attrs
import trio

from tests.faults.catalogue import Fault
from tests.faults.ground import BAD, ground
from tests.faults.load import Load
from tests.faults.measure import Cost, back_after, left_after


@attrs.frozen
class Phases:
    """How many requests per second, and for how many seconds before, during and after the fault."""

    rate: float = 200.0
    before: float = 3.0
    during: float = 8.0
    after: float = 20.0


def experiment(fault: Fault, phases: Phases) -> Cost:
    """Return what `fault` cost. Raises what the processes raise that cannot be started."""
    with (
        tempfile.TemporaryDirectory() as folder,
        ground(Path(folder), fault.descriptors) as made,
    ):

        async def run() -> Cost:
            load = Load(made.port, phases.rate)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(load.run)
                await trio.sleep(phases.before)
                before = made.resident_bytes()
                begin = load.now
                async with fault.happens(made):
                    await trio.sleep(phases.during)
                    grown = made.resident_bytes() - before
                    heal = load.now
                await trio.sleep(phases.after)
                end = load.now
                nursery.cancel_scope.cancel()
            answers = load.answers
            return Cost(
                len(answers),
                sum(answer.failed for answer in answers),
                sum(answer.broken for answer in answers),
                left_after(answers, BAD, begin, heal) if fault.moves else None,
                back_after(answers, BAD, heal, end) if fault.moves else None,
                grown,
            )

        return trio.run(run)
