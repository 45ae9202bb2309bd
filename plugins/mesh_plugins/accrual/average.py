"""An exponentially weighted moving average. Source: finagle-core, util/Ema.scala."""

import math


class Average:
    """An average in which a sample counts the less the older it is: after a `window`, by 1/e.

    Times and the window are in any unit that does not run backwards: seconds, or a count of samples.
    """

    __slots__ = ("_time", "_window", "value")

    def __init__(self, window: float) -> None:
        self._window = window
        self._time = -1.0
        self.value = 0.0

    def update(self, time: float, sample: float) -> float:
        """Take note of a sample and return the average. The first sample is the average; one at the same time is ignored."""
        if self._time < 0:
            self.value = sample
        else:
            weight = math.exp((self._time - time) / self._window) if self._window else 0.0
            self.value = sample * (1 - weight) + self.value * weight
        self._time = time
        return self.value

    def reset(self) -> None:
        """Forget every sample."""
        self._time = -1.0
        self.value = 0.0
