"""How old connections become, and why they end."""

import math

import attrs
import pytest

from mesh import Limits, Metrics, ServerSettings
from mesh_plugins.connections.ages import Ages, aged, ages_of
from tests.plugins.rest import numbers


def listener_of(ages: dict[str, int]) -> ServerSettings:
    listener = ServerSettings(port=0)
    return attrs.evolve(listener, server_session=attrs.evolve(listener.server_session, **ages))


@pytest.mark.parametrize(
    ("now", "counted"),
    [(9.0, (0, 0)), (10.0, (1, 0)), (20.0, (0, 1))],
    ids=["neither", "idle", "too old"],
)
def test_an_end_is_counted_by_its_reason(now: float, counted: tuple[int, int]) -> None:
    ages = Ages()

    ages.count_end(now, idle_until=10.0, expires=20.0)

    assert (ages.idle.value, ages.lifetime.value) == counted


@pytest.mark.parametrize(("ages", "life"), [({}, math.inf), ({"life_time_ms": 2000}, 2.0)])
def test_connections_last_as_long_as_their_listener_says(ages: dict[str, int], life: float) -> None:
    assert ages_of(listener_of(ages), Metrics()).life_seconds == life


@pytest.mark.parametrize(
    ("ages", "idle"), [({}, 3600.0), ({"idle_time_ms": 500}, 0.5), ({"idle_time_ms": 10**8}, 3600.0)]
)
def test_connections_are_idle_no_longer_than_their_listener_says(ages: dict[str, int], idle: float) -> None:
    assert aged(Limits(), listener_of(ages)).idle_timeout_s == idle


def test_ends_are_counted_under_the_listeners_own_scope() -> None:
    metrics = Metrics()

    ages = ages_of(listener_of({}), metrics)
    ages.idle.value += 1

    assert numbers(metrics) == {"idle": 1, "lifetime": 0}
