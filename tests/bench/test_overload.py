import math

from tests.bench.openloop import Outcome
from tests.bench.overload import Overload, judge


def outcome(latencies: dict[int, list[float]], in_time: dict[int, int]) -> Outcome:
    return Outcome(seconds=2.0, latencies=latencies, in_time=in_time, lateness=[], unanswered=0, broken=0)


def test_goodput_is_a_share_of_the_ceiling() -> None:
    seen = outcome({200: [0.01] * 1900, 503: [0.005] * 99 + [0.08]}, {200: 1800, 503: 100})

    actual = judge(1000.0, seen)

    assert actual == Overload(ceiling=1000.0, goodput_percent=90.0, refusal_ms=5.0)


def test_without_a_refusal_there_is_no_time_of_refusals() -> None:
    actual = judge(1000.0, outcome({200: [0.01]}, {200: 1}))

    assert math.isnan(actual.refusal_ms)
