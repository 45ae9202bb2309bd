"""Dead after so many failures in a row. Source: finagle-core, liveness/FailureAccrualPolicy.scala, `consecutiveFailures`."""

from collections.abc import Callable
from functools import partial
from random import Random

import attrs

from mesh import Backoff, key
from mesh_plugins.accrual.accrual import Policy
from mesh_plugins.accrual.backoff import Pauses, Schedule, schedule


@attrs.frozen
class ConsecutiveConfig:
    """An endpoint is dead after `failures` failures in a row, and is probed after a back-off that grows."""

    failures: int = key("How many failures in a row make an endpoint dead.", least=1)
    backoff: Backoff | None = key("How long an endpoint stays dead; jittered from 5 s to 300 s if absent.", None)


class Consecutive:
    """The policy of one endpoint. A plain success resets the count; only `revived` begins the schedule anew."""

    __slots__ = ("_count", "_failures", "_pauses")

    def __init__(self, failures: int, begin: Schedule) -> None:
        self._failures = failures
        self._pauses = Pauses(begin)
        self._count = 0

    def succeeded(self) -> None:
        self._count = 0

    def failed(self) -> float | None:
        self._count += 1
        return self._pauses.take() if self._count >= self._failures else None

    def revived(self) -> None:
        self._count = 0
        self._pauses.rewind()


def consecutive(config: ConsecutiveConfig, source: Random | None = None) -> Callable[[], Policy]:
    """Return the maker of policies for `io.l5d.consecutiveFailures`; `source` is for tests."""
    return partial(Consecutive, config.failures, schedule(config.backoff, source))


@attrs.frozen
class NoneConfig:
    """No endpoint is ever dead."""


def none(_config: NoneConfig) -> Callable[[], Policy | None]:
    """Return a maker of no policy."""
    return lambda: None
