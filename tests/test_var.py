"""Values that change: Var, Computed, Fixed, and waiting for them."""

import gc
import weakref
from collections.abc import Callable

import pytest
import trio
import trio.testing

from mesh.var import MAX_ROUNDS, Computed, Fixed, Readable, Reader, Var


class Told:
    """A watcher that counts how often it was told."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self) -> None:
        self.times += 1


def counted(compute: Callable[[Reader], int]) -> tuple[Computed[int], Told]:
    computations = Told()

    def counting(read: Reader) -> int:
        computations()
        return compute(read)

    return Computed(counting), computations


def test_a_watcher_is_told_of_every_change_until_it_stops_watching() -> None:
    source, told = Var(1), Told()

    unwatch = source.watch(told)
    source.set(2)
    source.set(3)
    unwatch()
    unwatch()
    source.set(4)

    assert (told.times, source.value) == (2, 4)


def test_setting_an_equal_value_is_no_change() -> None:
    source, told = Var((1, 2)), Told()
    source.watch(told)

    source.set((1, 2))

    assert told.times == 0


def test_one_function_may_watch_twice() -> None:
    source, told = Var(1), Told()

    first = source.watch(told)
    source.watch(told)
    source.set(2)
    first()
    source.set(3)

    assert told.times == 3


def test_watchers_are_told_in_the_order_in_which_they_came() -> None:
    source = Var(1)
    order: list[str] = []
    source.watch(lambda: order.append("first"))
    source.watch(lambda: order.append("second"))

    source.set(2)

    assert order == ["first", "second"]


def test_a_watcher_that_raises_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    source, told = Var(1), Told()

    def broken() -> None:
        raise ValueError("broken")

    source.watch(broken)
    source.watch(told)

    source.set(2)

    assert told.times == 1
    assert "a watcher raised" in caplog.text


def test_a_watcher_may_stop_another_one() -> None:
    source, told = Var(1), Told()
    source.watch(lambda: unwatch())
    unwatch = source.watch(told)

    source.set(2)

    assert told.times == 0


def test_the_owner_hears_of_the_first_watcher_and_of_the_last() -> None:
    source = Var(1)
    heard: list[str] = []
    source.on_first_watch = lambda: heard.append("first")
    source.on_last_unwatch = lambda: heard.append("last")

    one = source.watch(Told())
    two = source.watch(Told())
    one()
    one()
    heard.append("one left")
    two()

    assert heard == ["first", "one left", "last"]
    assert not source.is_watched


def test_what_the_owner_sets_at_the_first_watch_is_no_change_for_that_watcher() -> None:
    source, told = Var(0), Told()
    source.on_first_watch = lambda: source.set(7)

    source.watch(told)

    assert (told.times, source.value) == (0, 7)


def test_nothing_is_watched_if_the_owner_cannot_begin() -> None:
    source = Var(0)

    def refuse() -> None:
        raise RuntimeError("closed")

    source.on_first_watch = refuse

    with pytest.raises(RuntimeError):
        source.watch(Told())
    assert not source.is_watched


def test_a_fixed_value_is_read_and_tells_nobody() -> None:
    told = Told()

    fixed = Fixed("x")
    fixed.watch(told)()

    assert (fixed.value, told.times) == ("x", 0)


async def test_waiting_returns_at_once_if_the_present_value_will_do() -> None:
    source = Var(3)

    value = await source.wait(lambda number: number > 2)

    assert value == 3


async def test_waiting_ends_with_the_first_value_that_will_do(autojump_clock: trio.testing.MockClock) -> None:
    source = Var(0)

    async def count() -> None:
        for number in (1, 2, 3):
            await trio.sleep(1)
            source.set(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(count)
        value = await source.wait(lambda number: number >= 2)
        waited = trio.current_time()

    assert (value, waited) == (2, 2)
    assert not source.is_watched


async def test_a_cancelled_wait_leaves_no_watch_behind(autojump_clock: trio.testing.MockClock) -> None:
    source = Var(0)

    with trio.move_on_after(1) as scope:
        await source.wait(bool)

    assert scope.cancelled_caught
    assert not source.is_watched


def test_a_computed_value_follows_what_it_read() -> None:
    left, right = Var(1), Var(2)
    total = Computed(lambda read: read(left) + read(right))
    told = Told()
    total.watch(told)

    left.set(10)

    assert (total.value, told.times) == (12, 1)


def test_nobody_is_told_when_the_computed_value_stays_the_same() -> None:
    source = Var(1)
    is_positive = Computed(lambda read: read(source) > 0)
    told = Told()
    is_positive.watch(told)

    source.set(2)

    assert told.times == 0


def test_a_watched_value_is_computed_when_what_it_read_changes_and_only_then() -> None:
    source, other = Var(1), Var(1)
    double, computations = counted(lambda read: read(source) * 2)
    double.watch(Told())

    assert [double.value, double.value] == [2, 2]
    other.set(5)
    source.set(2)

    assert (double.value, computations.times) == (4, 2)


def test_a_value_that_nobody_watches_is_computed_when_it_is_read_and_watches_nothing() -> None:
    source = Var(1)
    double, computations = counted(lambda read: read(source) * 2)

    source.set(2)
    source.set(3)

    assert (double.value, computations.times) == (6, 1)
    assert not source.is_watched


def test_a_source_that_was_not_read_this_time_is_let_go() -> None:
    which, left, right = Var("left"), Var(1), Var(2)
    chosen = Computed(lambda read: read(left) if read(which) == "left" else read(right))
    chosen.watch(Told())

    which.set("right")

    assert chosen.value == 2
    assert (left.is_watched, right.is_watched) == (False, True)


def test_sources_are_let_go_with_the_last_watcher_and_taken_up_with_the_next() -> None:
    source = Var(1)
    double = Computed(lambda read: read(source) * 2)
    told = Told()

    double.watch(Told())()
    watched_between = source.is_watched
    source.set(4)
    double.watch(told)

    assert (watched_between, double.value, source.is_watched) == (False, 8, True)


def test_a_source_read_twice_is_watched_once() -> None:
    source = Var(3)
    square, computations = counted(lambda read: read(source) * read(source))
    square.watch(Told())

    source.set(4)

    assert (square.value, computations.times) == (16, 2)


def test_a_source_that_changes_while_it_is_read_is_read_again() -> None:
    source = Var(0)
    other = Var(0)
    other.on_first_watch = lambda: source.set(1)
    total = Computed(lambda read: read(source) * 10 + read(other))

    total.watch(Told())

    assert total.value == 10


def test_a_computation_that_never_settles_ends_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    source = Var(0)

    def restless(read: Reader) -> int:
        number = read(source)
        source.set(number + 1)
        return number

    restless_value = Computed(restless)

    restless_value.watch(Told())

    assert source.value == MAX_ROUNDS
    assert "still changes" in caplog.text


def test_computed_values_may_stand_on_each_other() -> None:
    source = Var(1)
    double = Computed(lambda read: read(source) * 2)
    quadruple: Readable[int] = Computed(lambda read: read(double) * 2)
    quadruple.watch(Told())

    source.set(5)

    assert quadruple.value == 20


def test_a_computation_that_raises_at_the_first_watch_leaves_nothing_watched() -> None:
    source = Var(0)
    inverse = Computed(lambda read: 1 // read(source))

    with pytest.raises(ZeroDivisionError):
        inverse.watch(Told())

    assert not source.is_watched


def test_a_computation_that_raises_later_is_logged_and_recovers(caplog: pytest.LogCaptureFixture) -> None:
    source = Var(1)
    inverse = Computed(lambda read: 10 // read(source))
    unwatch = inverse.watch(Told())

    source.set(0)
    value_meanwhile = inverse.value
    source.set(2)
    value_after = inverse.value
    unwatch()

    assert (value_meanwhile, value_after) == (10, 5)
    assert "a watcher raised" in caplog.text
    assert not source.is_watched


def test_a_shared_value_can_be_forgotten_with_its_last_holder() -> None:
    shared: weakref.WeakValueDictionary[str, Readable[int]] = weakref.WeakValueDictionary()
    held: list[Readable[int]] = [Computed(lambda read: 1)]
    shared["x"] = held[0]

    present = "x" in shared
    held.clear()
    gc.collect()

    assert (present, "x" in shared) == (True, False)
