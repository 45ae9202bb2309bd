"""The size of an aperture: it follows the smoothed number of outstanding requests per endpoint in the window.

Source: finagle-core, loadbalancer/aperture/LoadBand.scala; util-core, Ema.scala.
"""

from collections.abc import Callable
from math import exp, inf

import attrs

from mesh import key
from mesh_plugins.balancers.deterministic import Coordinate
from mesh_plugins.balancers.p2c import EFFORT


@attrs.frozen
class ApertureConfig:
    """Power of two choices inside a window that follows the load. Raises `ValueError` for a band upside down."""

    max_effort: int = key(EFFORT, 5, least=1)
    smooth_window_ms: int = key("Over how long the load is smoothed; 0 takes it as it is.", 5000, least=0)
    low_load: float = key(
        "The window shrinks where each of its endpoints has, smoothed, at most so many requests in progress.",
        0.5,
        least=0,
    )
    high_load: float = key("The window grows where each of its endpoints has at least so many.", 2.0, least=0)
    min_aperture: int = key("How many endpoints the window has at least.", 1, least=1)
    coordinate: Coordinate | None = key(
        "Which of several like processes this is: `instance`, from 0, of `total`. The window is then a fixed part of the"
        " endpoints, at least 12, and has no band of load.",
        None,
    )

    def __attrs_post_init__(self) -> None:
        if not self.low_load < self.high_load:
            raise ValueError(f"`lowLoad` ({self.low_load:g}) must be below `highLoad` ({self.high_load:g})")


class LoadBand:
    """Counts the requests of one window, and says how many endpoints it should have: `size`, from `least` to `most`."""

    __slots__ = (
        "_clock",
        "_high",
        "_least",
        "_low",
        "_most",
        "_stamp",
        "_window",
        "load",
        "narrowed",
        "size",
        "smooth",
        "widened",
    )

    def __init__(self, config: ApertureConfig, clock: Callable[[], float]) -> None:
        self._window = config.smooth_window_ms / 1e3
        self._low = config.low_load
        self._high = config.high_load
        self._least = config.min_aperture
        self._most = 0
        self._clock = clock
        self._stamp = -inf  # the first load counts as it is
        self.load = 0
        self.smooth = 0.0
        self.size = config.min_aperture
        self.widened = 0
        self.narrowed = 0

    def bound(self, most: int) -> None:
        """Take note that there are so many endpoints now."""
        self._most = most
        self.size = max(min(self._least, most), min(self.size, most))

    def add(self, change: int) -> None:
        """Count a request that began (1) or ended (-1), and let the window follow, by one endpoint at most."""
        self.load += change
        now, load = self._clock(), self.load
        passed = now - self._stamp
        # Of several changes in one moment only the last one shows: it is time that lets the average move.
        weight = exp(-passed / self._window) if self._window else 0.0
        self.smooth = load * (1.0 - weight) + self.smooth * weight
        self._stamp = now
        average = self.smooth / self.size
        if average >= self._high and self.size < self._most:
            self.size += 1
            self.widened += 1
        elif average <= self._low and self.size > min(self._least, self._most):
            self.size -= 1
            self.narrowed += 1
