"""Whether the other side of a session lives: it is asked now and then, and has so long to answer. No I/O.

Source: finagle-core, liveness/ThresholdFailureDetector.scala.
"""

import math
from collections.abc import Callable

import attrs

from mesh import Counter, Metrics

PERIOD_SECONDS = 5.0
TIMEOUT_SECONDS = 4.0


def _unseen(_value: float) -> None:
    """Stand in for the histogram of a client that has none."""


@attrs.frozen(eq=False)
class Detection:
    """When a session's peer is asked, and what comes of it. With an infinite period nobody is asked.

    `pings` counts the questions, `closes` the sessions that were closed for want of an answer; `took` is
    told each latency, in µs.
    """

    period_seconds: float = PERIOD_SECONDS
    timeout_seconds: float = TIMEOUT_SECONDS
    pings: Counter = attrs.field(factory=Counter)
    closes: Counter = attrs.field(factory=Counter)
    took: Callable[[float], None] = _unseen


def detection(period_seconds: float, timeout_seconds: float, scope: Metrics) -> Detection:
    """Return the detection of a client whose metrics are in `scope`, with Finagle's names."""
    own = scope.scope("mux", "failuredetector")
    latency = own.histogram("ping_latency_us")
    return Detection(period_seconds, timeout_seconds, own.counter("ping"), own.counter("close"), latency.add)


class Detector:
    """The detector of one session. State: when the peer is asked next, or must have answered."""

    __slots__ = ("_asked_at", "_detection", "_is_answered", "due")

    def __init__(self, detection: Detection, now: float) -> None:
        self._detection = detection
        self._asked_at = now
        self._is_answered = True
        self.due = math.inf if detection.period_seconds == math.inf else now

    def asks(self, now: float) -> bool:
        """Return whether the peer is to be asked now; if so, that counts as done."""
        if now < self.due or not self._is_answered:
            return False
        self._asked_at = now
        self._is_answered = False
        self.due = now + self._detection.timeout_seconds
        self._detection.pings.value += 1
        return True

    def answered(self, now: float) -> None:
        """Take note that the peer answered; an answer to nothing means nothing."""
        if not self._is_answered:
            self._is_answered = True
            self.due = self._asked_at + self._detection.period_seconds
            self._detection.took((now - self._asked_at) * 1e6)

    def postpone(self, now: float) -> None:
        """Wait longer for an answer: something else is on its way, which it may stand behind."""
        if not self._is_answered:
            self.due = now + self._detection.timeout_seconds

    def finds_dead(self, now: float) -> bool:
        """Return whether the peer has not answered in time; if so, that is counted."""
        if self._is_answered or now < self.due:
            return False
        self._detection.closes.value += 1
        return True
