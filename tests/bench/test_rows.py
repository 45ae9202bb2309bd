import pytest

from tests.bench.rows import Row, Verdict

RATE = Row("wrk", "requests", "requests/s", 0.9, 1.2, against="envoy", more_is_better=True)
MEMORY = Row("idle", "memory", "MiB", 60, 45)


@pytest.mark.parametrize(("value", "expected"), [(1.2, "goal"), (1.19, "bar"), (0.9, "bar"), (0.89, "missed")])
def test_where_more_is_better_a_limit_is_the_least(value: float, expected: Verdict) -> None:
    actual = RATE.judge(value)

    assert actual == expected


@pytest.mark.parametrize(("value", "expected"), [(45, "goal"), (45.1, "bar"), (60, "bar"), (60.1, "missed")])
def test_where_less_is_better_a_limit_is_the_most(value: float, expected: Verdict) -> None:
    actual = MEMORY.judge(value)

    assert actual == expected


def test_a_limit_of_a_ratio_is_shown_as_a_factor() -> None:
    actual = RATE.limit(RATE.bar)

    assert actual == "≥ 0.9 x"


def test_a_limit_of_a_figure_is_shown_with_its_unit() -> None:
    actual = MEMORY.limit(MEMORY.goal)

    assert actual == "≤ 45 MiB"
