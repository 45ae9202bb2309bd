"""The time that a caller of gRPC gives a call, in `grpc-timeout`: read, enforced, shortened, passed on with each attempt.

Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, `Timeout`: at most eight digits and a unit.
"""

import re
from collections.abc import Awaitable, Callable

import trio

from mesh import (
    AnyService,
    BadRequestContext,
    Counter,
    DeadlineExceeded,
    Expiry,
    HttpReply,
    HttpRequest,
    Make,
    Module,
    Params,
    bind,
    sooner,
)
from mesh_plugins.grpc.content import CARRIES_GRPC, is_grpc
from mesh_plugins.http.context import with_reader
from mesh_plugins.scopes import server_scope

GRPC_TIMEOUT = b"grpc-timeout"
MOST = 10**8  # what eight digits cannot say any more

_FORM = re.compile(rb"([0-9]{1,8})([HMSmun])")
_SECONDS = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}

Clock = Callable[[], float]


def read_timeout(value: bytes) -> float | None:
    """Return the seconds that a field says; None if it is none."""
    match = _FORM.fullmatch(value)
    return None if match is None else int(match[1]) * _SECONDS[match[2]]


def write_timeout(seconds: float) -> bytes:
    """Return a field that says so many seconds, in the finest unit from microseconds on that has room, rounded down."""
    for unit, scale in ((b"u", 1e6), (b"m", 1e3), (b"S", 1.0), (b"M", 1 / 60)):
        number = int(seconds * scale)
        if number < MOST:
            return b"%d%s" % (max(number, 1), unit)
    return b"%dH" % min(int(seconds / 3600), MOST - 1)


class TimeoutReader:
    """Gives a call the expiry that its caller says. Of several, the shortest counts.

    Raises `BadRequestContext` for what is no timeout, and `DeadlineExceeded` if there is no time at all.
    """

    __slots__ = ("_clock", "_rejected")

    def __init__(self, rejected: Counter, clock: Clock) -> None:
        self._rejected = rejected
        self._clock = clock

    def __call__(self, request: HttpRequest) -> None:
        if not is_grpc(request.headers):
            return
        given = []
        for name, value in request.headers:
            if name == GRPC_TIMEOUT:
                seconds = read_timeout(value)
                if seconds is None:
                    raise BadRequestContext(f"grpc-timeout is no timeout: {value[:32].decode('latin-1')!r}")
                given.append(seconds)
        left = min(given)
        if left <= 0.0:
            self._rejected.value += 1
            raise DeadlineExceeded("the call came with no time left, so nothing was done for it")
        message = f"the deadline of the call has passed, {left:.3f} s after it arrived"
        ours = Expiry(self._clock() + left, DeadlineExceeded, message, stays=True)
        request.context.expiry = sooner(request.context.expiry, ours)


class Remaining:
    """Tells the endpoint how much time is left of a call, whatever bounds it. Other requests pay a look at their context."""

    __slots__ = ("_clock",)

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        expiry = request.context.expiry
        if expiry is not None:
            self._tell(request, expiry.at - self._clock())
        return service(request)

    def _tell(self, request: HttpRequest, seconds: float) -> None:
        """Say so in the request; what is late already is for the session to refuse."""
        headers = request.headers
        for place, (name, _value) in enumerate(headers):
            if name == GRPC_TIMEOUT:
                headers[place] = (GRPC_TIMEOUT, write_timeout(max(seconds, 0.0)))
                return
        if is_grpc(headers):
            headers.append((GRPC_TIMEOUT, write_timeout(max(seconds, 0.0))))


def _timeout(params: Params, rest: Make) -> AnyService:
    if not params[CARRIES_GRPC]:
        return rest(params)
    scope = server_scope(params).scope("admission_control")
    clock = trio.lowlevel.current_clock().current_time
    return rest(with_reader(params, [GRPC_TIMEOUT], TimeoutReader(scope.counter("deadline", "rejected"), clock)))


def _remaining(params: Params, rest: Make) -> AnyService:
    if not params[CARRIES_GRPC]:
        return rest(params)
    return bind(Remaining(trio.lowlevel.current_clock().current_time), rest(params), "grpc_remaining")


GRPC_TIMEOUT_READ = Module(
    "grpc_timeout",
    _timeout,
    above=("request_fields", "router"),
    below=("edge", "clear_context"),
    why="work that is late is not begun; `request_fields` finds the field for it",
    section="server",
)
GRPC_TIMEOUT_WRITTEN = Module(
    "grpc_remaining",
    _remaining,
    above=("pool",),
    below=("attempt_timeout",),
    why="each attempt has less time than the one before, and a timeout of its own",
    section="endpoint",
)
