"""The deadline that a request brings from hop to hop, in `l5d-ctx-deadline`: read, enforced, shortened, passed on.

The field holds two times in ns since 1970: when the deadline was set, and the deadline. Of several the strictest counts:
the latest of the first, the earliest of the second. Unlike linkerd, which only passes it on, work that is late already is
refused before anything is done for it, and a reply that is late is cut off.
Source: finagle-core, context/Deadline.scala; linkerd protocol/http, LinkerdHeaders.scala, `Ctx.Deadline`.
"""

import re
import time
from collections.abc import Callable

import trio

from mesh import (
    METRICS,
    SERVER_LABEL,
    AnyService,
    Counter,
    DeadlineExceeded,
    Expiry,
    Histogram,
    HttpRequest,
    Make,
    Module,
    Params,
    Request,
    sooner,
    without,
)
from mesh_plugins.http.context import with_reader

CTX_DEADLINE = b"l5d-ctx-deadline"
NANOSECONDS = 1e9
_FORM = re.compile(rb"(\d{1,19}) (\d{1,19})")

Clock = Callable[[], float]
WallClock = Callable[[], int]
"""Returns ns since 1970."""


def strictest(values: list[bytes]) -> tuple[int, int] | None:
    """Return the latest time of setting and the earliest deadline; None if no value can be read."""
    read = [(int(match[1]), int(match[2])) for match in map(_FORM.fullmatch, values) if match]
    if not read:
        return None
    return max(stamp for stamp, _at in read), min(at for _stamp, at in read)


class DeadlineReader:
    """Gives a request the expiry that its deadline says. Raises `DeadlineExceeded` if that has passed.

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

    def __call__(self, request: HttpRequest) -> None:
        values = [value for name, value in request.headers if name == CTX_DEADLINE]
        found = strictest(values)
        if found is None:
            return
        stamp, deadline = found
        if len(values) > 1:
            request.headers = without(request.headers, CTX_DEADLINE)
            request.headers.append((CTX_DEADLINE, b"%d %d" % found))
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
        request.context.expiry = sooner(request.context.expiry, ours)


def pass_on(request: Request, at: float, wall_clock: WallClock = time.time_ns) -> None:
    """Tell the next hop that nobody waits beyond `at` (trio's clock), in place of what the request says so far."""
    if isinstance(request, HttpRequest):
        field = _field(at - trio.current_time(), wall_clock())
        headers = request.headers
        places = [place for place, (name, _value) in enumerate(headers) if name == CTX_DEADLINE]
        if len(places) == 1:  # as from the second attempt on
            headers[places[0]] = field
            return
        if places:
            request.headers = headers = without(headers, CTX_DEADLINE)
        headers.append(field)


class Teller:
    """Does as `pass_on` where a role above took the field off, so that only an attempt can have left one: it need not look."""

    __slots__ = ("_clock", "_wall_clock")

    def __init__(self, clock: Clock, wall_clock: WallClock = time.time_ns) -> None:
        self._clock = clock
        self._wall_clock = wall_clock

    def __call__(self, request: Request, at: float) -> None:
        context = request.context
        if context.told or not isinstance(request, HttpRequest):
            pass_on(request, at, self._wall_clock)
        else:
            context.told = True
            request.headers.append(_field(at - self._clock(), self._wall_clock()))


def _field(left: float, now: int) -> tuple[bytes, bytes]:
    return (CTX_DEADLINE, b"%d %d" % (now, now + int(left * NANOSECONDS)))


def _deadline(params: Params, rest: Make) -> AnyService:
    scope = params[METRICS].scope("server", params[SERVER_LABEL], label=True)
    clock = trio.lowlevel.current_clock().current_time
    rejected = scope.counter("admission_control", "deadline", "rejected")
    reader = DeadlineReader(rejected, scope.histogram("transit_latency_ms"), clock, time.time_ns)
    return rest(with_reader(params, [CTX_DEADLINE], reader))


DEADLINE = Module(
    "deadline",
    _deadline,
    above=("request_fields", "router"),
    below=("edge", "clear_context"),
    why="work that is late is not begun; `request_fields` finds the field for it",
    section="server",
)
