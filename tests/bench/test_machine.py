from tests.bench.machine import read_stolen


def test_stolen_ticks_are_the_eighth_and_guest_time_is_not_counted_twice() -> None:
    stat = "cpu  100 0 50 800 10 0 15 25 7 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n"

    actual = read_stolen(stat)

    assert actual == (25, 1000)
