"""Dead as soon as one of several policies says so."""

from mesh import Category, Chosen, Kind
from mesh_plugins.accrual.any_of import AnyOf, AnyOfConfig, any_of
from mesh_plugins.accrual.backoff import constant
from mesh_plugins.accrual.consecutive import Consecutive, ConsecutiveConfig, NoneConfig
from mesh_plugins.accrual.kinds import KINDS


def named(name: str) -> Kind:
    return next(kind for kind in KINDS if kind.name == name and kind.category is Category.ACCRUAL)


def test_the_longest_time_counts() -> None:
    policy = AnyOf([Consecutive(1, lambda: constant(5.0)), Consecutive(1, lambda: constant(10.0))])

    assert policy.failed() == 10.0


def test_one_is_enough() -> None:
    policy = AnyOf([Consecutive(9, lambda: constant(5.0)), Consecutive(2, lambda: constant(1.0))])

    assert [policy.failed(), policy.failed()] == [None, 1.0]


def test_each_is_told_of_successes_and_revivals() -> None:
    policy = AnyOf([Consecutive(2, lambda: constant(5.0)), Consecutive(3, lambda: iter([1.0, 2.0]))])
    policy.failed()
    policy.succeeded()
    first = [policy.failed() for _time in range(3)]

    policy.revived()

    assert first == [None, 5.0, 5.0]
    assert policy.failed() is None


def test_a_stack_file_names_them() -> None:
    chosen = Chosen(named("io.l5d.consecutiveFailures"), ConsecutiveConfig(1))
    make = any_of(AnyOfConfig((chosen, Chosen(named("none"), NoneConfig()))))

    policy = make()

    assert policy is not None
    assert policy.failed() == 5.0


def test_nothing_but_none_is_none() -> None:
    make = any_of(AnyOfConfig((Chosen(named("none"), NoneConfig()),)))

    assert make() is None
