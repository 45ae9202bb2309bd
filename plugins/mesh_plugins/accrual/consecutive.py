"""Dead after so many failures in a row. Source: finagle-core, liveness/FailureAccrualPolicy.scala, `consecutiveFailures`."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random

import attrs

from mesh import Backoff, key
from mesh_plugins.accrual.accrual import Policy
from mesh_plugins.accrual.backoff import Schedule, constant, decorrelated_jittered, equal_jittered

DEFAULT_BACKOFF = (5.0, 300.0)  # linkerd's: jittered, from 5 s to 300 s
AFTER_SCHEDULE = 300.0  # Finagle's pause once a schedule has ended


@attrs.frozen
class ConsecutiveConfig:
    """An endpoint is dead after `failures` failures in a row, and is probed after a back-off that grows."""

    failures: int = key("How many failures in a row make an endpoint dead.", least=1)
    backoff: Backoff | None = key("How long an endpoint stays dead; jittered from 5 s to 300 s if absent.", None)


class Consecutive:
    """The policy of one endpoint. A plain success resets the count; only `revived` begins the schedule anew."""

    __slots__ = ("_count", "_failures", "_left", "_schedule")

    def __init__(self, failures: int, schedule: Schedule) -> None:
        self._failures = failures
        self._schedule = schedule
        self._left: Iterator[float] = schedule()
        self._count = 0

    def succeeded(self) -> None:
        self._count = 0

    def failed(self) -> float | None:
        self._count += 1
        return next(self._left, AFTER_SCHEDULE) if self._count >= self._failures else None

    def revived(self) -> None:
        self._count = 0
        self._left = self._schedule()


def consecutive(config: ConsecutiveConfig, source: Random | None = None) -> Callable[[], Policy]:
    """Return the maker of policies for `io.l5d.consecutiveFailures`; `source` is for tests."""
    return partial(Consecutive, config.failures, _schedule(config.backoff, source or Random()))


def _schedule(backoff: Backoff | None, source: Random) -> Schedule:
    if backoff is None:
        return lambda: equal_jittered(*DEFAULT_BACKOFF, source)
    if backoff.kind == "constant":
        return partial(constant, backoff.ms / 1e3)
    return lambda: decorrelated_jittered((backoff.min_ms or 0) / 1e3, (backoff.max_ms or 0) / 1e3, source)


@attrs.frozen
class NoneConfig:
    """No endpoint is ever dead."""


def none(_config: NoneConfig) -> Callable[[], Policy | None]:
    """Return a maker of no policy."""
    return lambda: None
