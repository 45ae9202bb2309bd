"""The deadline that a request brings from hop to hop, in `l5d-ctx-deadline`: read, enforced, shortened, passed on.

The field holds two times in ns since 1970: when the deadline was set, and the deadline. Of several the strictest counts:
the latest of the first, the earliest of the second. Unlike linkerd, which only passes it on, work that is late already is
refused before anything is done for it, and a reply that is late is cut off.
Source: finagle-core, context/Deadline.scala; linkerd protocol/http, LinkerdHeaders.scala, `Ctx.Deadline`.
"""

import re
import time

import trio

from mesh import (
    AnyService,
    Counter,
    Histogram,
    HttpRequest,
    Make,
    Module,
    Params,
    Request,
    without,
)
from mesh_plugins.filters.deadlines import NANOSECONDS, Clock, Deadlines, WallClock
from mesh_plugins.http.context import with_reader
from mesh_plugins.scopes import server_scope

CTX_DEADLINE = b"l5d-ctx-deadline"
_FORM = re.compile(rb"(\d{1,19}) (\d{1,19})")


def strictest(values: list[bytes]) -> tuple[int, int] | None:
    """Return the latest time of setting and the earliest deadline; None if no value can be read."""
    read = [(int(match[1]), int(match[2])) for match in map(_FORM.fullmatch, values) if match]
    if not read:
        return None
    return max(stamp for stamp, _at in read), min(at for _stamp, at in read)


class DeadlineReader:
    """Gives a request the expiry that its deadline says. Raises `DeadlineExceeded` if that has passed."""

    __slots__ = ("_deadlines",)

    def __init__(self, rejected: Counter, transit: Histogram, clock: Clock, wall_clock: WallClock) -> None:
        """Take what `Deadlines` takes."""
        self._deadlines = Deadlines(rejected, transit, clock, wall_clock)

    def __call__(self, request: HttpRequest) -> None:
        values = [value for name, value in request.headers if name == CTX_DEADLINE]
        found = strictest(values)
        if found is None:
            return
        if len(values) > 1:
            request.headers = without(request.headers, CTX_DEADLINE)
            request.headers.append((CTX_DEADLINE, b"%d %d" % found))
        self._deadlines.apply(request.context, *found)


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
    scope = server_scope(params)
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
