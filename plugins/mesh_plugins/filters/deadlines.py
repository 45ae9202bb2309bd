"""What a deadline that a request brings means here, whatever its protocol: work that is late already is refused.

Source: finagle-core, context/Deadline.scala.
"""

from collections.abc import Callable

from mesh import Context, Counter, DeadlineExceeded, Expiry, Histogram, sooner

NANOSECONDS = 1e9

Clock = Callable[[], float]
WallClock = Callable[[], int]
"""Returns ns since 1970."""


class Deadlines:
    """Gives requests the expiry that their deadlines say. Raises `DeadlineExceeded` if one has passed, and counts that.

    A sender whose clock is ahead is known by its time of setting, which would be yet to come: that counts as now. One whose
    clock is behind cannot be told from one that took long.
    """

    __slots__ = ("_clock", "_rejected", "_transit", "_wall_clock")

    def __init__(self, rejected: Counter, transit: Histogram, clock: Clock, wall_clock: WallClock) -> None:
        """Take the histogram of the milliseconds between the time of setting, on the sender's clock, and the arrival."""
        self._rejected = rejected
        self._transit = transit
        self._clock = clock
        self._wall_clock = wall_clock

    def apply(self, context: Context, stamp: int, deadline: int) -> None:
        """Take note of a request's deadline; both times are in ns since 1970, the first is when it was set."""
        now = max(self._wall_clock(), stamp)
        self._transit.add((now - stamp) / 1e6)
        left = (deadline - now) / NANOSECONDS
        if left < 0.0:
            self._rejected.value += 1
            raise DeadlineExceeded(
                f"the deadline of the request had passed {-left:.3f} s before it arrived, so nothing was done for it "
                "(unless the clocks of the hosts are not in step)"
            )
        message = f"the deadline of the request has passed, {left:.3f} s after it arrived"
        ours = Expiry(self._clock() + left, DeadlineExceeded, message, stays=True)
        context.expiry = sooner(context.expiry, ours)
