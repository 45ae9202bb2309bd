"""Dead below a success rate, over the last requests or over a time.

Source: finagle-core, liveness/FailureAccrualPolicy.scala, `successRate` and `successRateWithinDuration`.
"""

from collections.abc import Callable
from functools import partial
from random import Random

import attrs
import trio

from mesh import Backoff, key
from mesh_plugins.accrual.accrual import Policy
from mesh_plugins.accrual.average import Average
from mesh_plugins.accrual.backoff import Pauses, Schedule, schedule
from mesh_plugins.filters.budget import WindowedAdder

SLICES = 5  # of the window in which the requests are counted, as Finagle's
MIN_REQUESTS = 5  # Finagle's bare minimum: fewer say nothing about an endpoint


@attrs.frozen
class SuccessRateConfig:
    """An endpoint is dead when too few of its last requests succeeded."""

    success_rate: float = key("The share of requests that must succeed, from 0 to 1.", least=0, most=1)
    requests: int = key("How many requests the rate is taken over, and how many there must be first.", least=1)
    backoff: Backoff | None = key("How long an endpoint stays dead; jittered from 5 s to 300 s if absent.", None)


@attrs.frozen
class SuccessRateWindowedConfig:
    """An endpoint is dead when too few of its requests succeeded in a time."""

    success_rate: float = key("The share of requests that must succeed, from 0 to 1.", least=0, most=1)
    window: int = key("How long the rate is taken over, in seconds; nothing is decided before it has passed.", least=1)
    backoff: Backoff | None = key("How long an endpoint stays dead; jittered from 5 s to 300 s if absent.", None)


class SuccessRate:
    """The policy of one endpoint by its last `window` requests: their count is the clock of the average."""

    __slots__ = ("_average", "_pauses", "_requests", "_required", "_window")

    def __init__(self, required: float, window: int, begin: Schedule) -> None:
        self._required = required
        self._window = window
        self._average = Average(window)
        self._pauses = Pauses(begin)
        self._requests = 0

    def succeeded(self) -> None:
        self._requests += 1
        self._average.update(self._requests, 1.0)

    def failed(self) -> float | None:
        self._requests += 1
        rate = self._average.update(self._requests, 0.0)
        return self._pauses.take() if self._requests >= self._window and rate < self._required else None

    def revived(self) -> None:
        self._requests = 0
        self._average.reset()
        self._pauses.rewind()


class SuccessRateWindowed:
    """The policy of one endpoint by the last `window` seconds; it begins to decide a window after its start or revival."""

    __slots__ = ("_adder", "_average", "_clock", "_least", "_pauses", "_required", "_started", "_window")

    def __init__(
        self,
        required: float,
        window: float,
        begin: Schedule,
        clock: Callable[[], float],
        least: int = MIN_REQUESTS,
    ) -> None:
        self._required = required
        self._window = window
        self._least = least
        self._clock = clock
        self._average = Average(window)
        self._pauses = Pauses(begin)
        self._restart()

    def _restart(self) -> None:
        self._started = self._clock()
        self._adder = WindowedAdder(self._window, SLICES, self._clock)

    def succeeded(self) -> None:
        self._adder.add(1)
        self._average.update(self._clock() - self._started, 1.0)

    def failed(self) -> float | None:
        self._adder.add(1)
        elapsed = self._clock() - self._started
        rate = self._average.update(elapsed, 0.0)
        if elapsed < self._window or rate >= self._required or self._adder.sum() < self._least:
            return None
        return self._pauses.take()

    def revived(self) -> None:
        self._average.reset()
        self._pauses.rewind()
        self._restart()


def success_rate(config: SuccessRateConfig, source: Random | None = None) -> Callable[[], Policy]:
    """Return the maker of policies for `io.l5d.successRate`; `source` is for tests."""
    return partial(SuccessRate, config.success_rate, config.requests, schedule(config.backoff, source))


def success_rate_windowed(config: SuccessRateWindowedConfig, source: Random | None = None) -> Callable[[], Policy]:
    """Return the maker of policies for `io.l5d.successRateWindowed`, which go by trio's clock; `source` is for tests."""
    begin = schedule(config.backoff, source)

    def make() -> Policy:
        clock = trio.lowlevel.current_clock().current_time
        return SuccessRateWindowed(config.success_rate, float(config.window), begin, clock)

    return make
