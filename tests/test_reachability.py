"""Connecting to an endpoint that is down: who is told, and who tries again when."""

from itertools import islice

import attrs
import pytest
import trio
import trio.testing

from mesh.endpoint import Endpoint, Health, Status
from mesh.errors import ConnectFailed, FailedFast, Overloaded
from mesh.life import Life
from mesh.reachability import Reachability, ReachCounts, Schedule, failing_fast, reconnecting

ENDPOINT = Endpoint("10.0.0.1", 80)
REFUSED = ConnectFailed("refused")


@attrs.define(eq=False)
class Bench:
    """An endpoint to which connecting ends as `outcomes` say, in turn, and then well. `times` is when it was tried."""

    life: Life
    outcomes: list[Exception | bool] = attrs.field(factory=list)
    health: Health = attrs.field(factory=Health)
    counts: ReachCounts = attrs.field(factory=ReachCounts)
    times: list[float] = attrs.field(factory=list)

    def reach(self, *, refuses: bool = False, begin: Schedule | None = None) -> Reachability:
        async def attempt() -> bool:
            self.times.append(trio.current_time())
            outcome = self.outcomes.pop(0) if self.outcomes else True
            if isinstance(outcome, Exception):
                if isinstance(outcome, ConnectFailed):
                    built.failed(outcome)
                raise outcome
            if outcome:
                built.succeeded()
            return outcome

        built = Reachability(ENDPOINT, self.health, self.life, self.counts, attempt, refuses=refuses, begin=begin)
        return built


async def test_what_cannot_be_connected_to_is_busy_until_the_background_has_connected(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, [REFUSED, False])
    reach = bench.reach(begin=lambda: iter([1.0, 2.0, 4.0, 8.0]))

    reach.failed(REFUSED)
    before = (bench.health.status, len(bench.counts.dead))
    await trio.sleep(8)

    assert before == (Status.BUSY, 1)
    assert (bench.health.status, len(bench.counts.dead), len(bench.times)) == (Status.OPEN, 0, 3)
    assert (bench.counts.marked_dead, bench.counts.marked_available) == (1, 1)


async def test_after_the_last_pause_the_endpoint_is_taken_to_be_well(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, [REFUSED] * 9)
    reach = bench.reach(begin=lambda: iter([1.0, 2.0]))

    reach.failed(REFUSED)
    await trio.sleep(4)

    assert (bench.health.status, len(bench.times)) == (Status.OPEN, 2)


async def test_only_who_refuses_fails_fast(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    patient, hasty = Bench(life).reach(), Bench(life).reach(refuses=True)
    hasty.check()
    patient.failed(REFUSED)
    hasty.failed(REFUSED)

    patient.check()
    with pytest.raises(FailedFast, match="refused"):
        hasty.check()


async def test_how_long_and_how_often_is_known(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    bench = Bench(life, [REFUSED] * 9)
    reach = bench.reach(begin=lambda: iter([1.0] * 9))
    reach.failed(REFUSED)

    await trio.sleep(2.5)

    assert (reach.seconds, reach.tries) == (2.5, 2)


async def test_an_endpoint_that_is_not_tried_any_more_is_forgiven_and_not_counted_as_available(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, [REFUSED])
    reach = bench.reach(begin=lambda: iter([1.0]))

    reach.failed(REFUSED)
    await trio.sleep(2)

    assert (bench.health.status, reach.tries, len(bench.counts.dead)) == (Status.OPEN, 0, 0)
    assert (bench.counts.marked_dead, bench.counts.marked_available) == (1, 0)


async def test_a_connect_that_was_given_up_is_tried_once_in_the_background(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, [REFUSED])
    reach = bench.reach(begin=lambda: iter([3.0]))

    reach.given_up()
    reach.given_up()
    await trio.testing.wait_all_tasks_blocked()
    busy = bench.health.status
    await trio.sleep(4)

    assert (busy, bench.health.status, len(bench.times)) == (Status.BUSY, Status.OPEN, 2)


@pytest.mark.parametrize("outcome", [True, False, Overloaded("no socket is left")])
async def test_a_connect_that_was_given_up_and_is_not_found_to_fail_has_no_effect(
    life: Life, autojump_clock: trio.testing.MockClock, outcome: Exception | bool
) -> None:
    bench = Bench(life, [outcome])

    bench.reach().given_up()
    await trio.sleep(60)

    assert (bench.health.status, len(bench.times), bench.counts.marked_dead) == (Status.OPEN, 1, 0)


async def test_an_endpoint_that_is_let_go_while_dead_is_forgotten(life: Life) -> None:
    bench = Bench(life)
    bench.reach().failed(REFUSED)

    life.close()

    assert bench.counts.dead == set()


def test_reconnecting_begins_soon_and_slows_down() -> None:
    waits = list(islice(reconnecting(), 12))

    assert 0.125 <= waits[0] <= 0.25
    assert all(8.0 <= wait <= 16.0 for wait in waits[7:])


def test_failing_fast_pauses_from_1_s_up_to_32() -> None:
    waits = list(islice(failing_fast(), 200))

    assert waits[0] == 1.0
    assert all(0.0 <= wait <= 32.0 for wait in waits)
    assert waits[-1] == 32.0
