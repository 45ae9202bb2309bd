import math

from tests.bench.openloop import Outcome

OUTCOME = Outcome(
    seconds=2.0,
    latencies={200: [0.004, 0.001, 0.002, 0.003], 503: [0.05]},
    in_time={200: 3, 503: 1},
    lateness=[],
    unanswered=0,
    broken=0,
)


def test_a_latency_is_a_percentile_of_the_good_replies() -> None:
    actual = [OUTCOME.latency(share) for share in (0.5, 0.75, 1.0)]

    assert actual == [0.002, 0.003, 0.004]


def test_refusals_have_latencies_of_their_own() -> None:
    actual = OUTCOME.latency(0.99, 503)

    assert actual == 0.05


def test_a_status_that_never_came_has_no_latency() -> None:
    actual = OUTCOME.latency(0.99, 500)

    assert math.isnan(actual)


def test_a_rate_counts_only_replies_in_time() -> None:
    actual = OUTCOME.rate()

    assert actual == 1.5
