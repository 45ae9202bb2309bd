"""What it takes to test a filter, or any other plugin, without sockets: scripted services, messages, bodies, clocks, names.

Nothing here is for production. A test needs trio (`pytest-trio` runs async tests), and no server, no port and no sleep:

    async def test_a_greeting_is_added() -> None:
        answered = await run_filter(Greeting("hello"), request(), reply(200))

        assert (b"x-greeting", b"hello") in answered.headers
"""

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import trio
import trio.testing

from mesh.http import HttpReply, HttpRequest
from mesh.message import EMPTY, Body, Buffered, Context, Fields, Reply, Request
from mesh.naming.binding import DtabState
from mesh.naming.delegation import Delegation
from mesh.naming.delegator import delegate
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.namer import PENDING, BoundTree, Looked, Namers
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import Leaf
from mesh.service import Filter, Rep, Req
from mesh.stream_connection import StreamConnection
from mesh.var import Computed, Readable, Reader, Var

Answer = Reply | Exception | Callable[[Any], Reply | Awaitable[Reply]]
"""What a scripted service does with a call: returns a reply, raises an error, or asks a function of the request."""

Headers = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]
"""Fields as a test writes them: a dict, or pairs if one name occurs twice."""


class Scripted:
    """A service that gives prepared answers in order, and remembers what it was asked.

    `requests` are the requests it got and `replies` the replies it gave, in order. A call for which no answer is left
    raises `AssertionError`. A function among the answers may be async: it may wait, look at the request, read its body,
    and raise. As a codec does, it notes each reply in the request's context.
    """

    def __init__(self, *answers: Answer) -> None:
        self._answers = deque(answers)
        self.requests: list[Any] = []
        self.replies: list[Reply] = []

    async def __call__(self, request: Any, /) -> Any:
        """Give the next answer."""
        self.requests.append(request)
        if not self._answers:
            raise AssertionError(f"call {len(self.requests)}, but there were only {len(self.requests) - 1} answers")
        answer = self._answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        if not isinstance(answer, Reply):
            made = answer(request)
            answer = await made if inspect.isawaitable(made) else made
        self.replies.append(answer)
        if isinstance(request, Request):
            request.context.made(answer)
        return answer

    @property
    def left(self) -> tuple[Answer, ...]:
        """The answers that nobody asked for yet."""
        return tuple(self._answers)


async def run_filter(
    filter: Filter[Req, Rep],  # noqa: A002  the field's word
    request: Req,
    *answers: Rep | Exception | Callable[[Req], Rep | Awaitable[Rep]],
) -> Rep:
    """Return what `filter` makes of `request` in front of a service that gives `answers`, in order.

    Raises what the filter raises, and `AssertionError` if it broke one of the rules of filters: every reply that it
    received and did not return (or lend its body to what it returned) is closed, also when it raises, and no
    `ExceptionGroup` leaves it. The reply is the caller's to close. Use `Scripted` to see what the filter asked for.
    """
    scripted = Scripted(*answers)
    try:
        returned = await filter(request, scripted)
    except ExceptionGroup as group:
        raise AssertionError("a filter raises one error, never a group of them") from group
    except Exception:
        _check_closed(scripted.replies, None)
        raise
    _check_closed(scripted.replies, returned)
    return returned


def _check_closed(replies: list[Reply], returned: Reply | None) -> None:
    forgotten = sum(not (reply.closed or reply is returned or _lends(reply, returned)) for reply in replies)
    if forgotten:
        raise AssertionError(f"{forgotten} of {len(replies)} replies were neither returned nor closed")


def _lends(reply: Reply, returned: Reply | None) -> bool:
    return returned is not None and reply.body is returned.body and reply.body is not EMPTY


def request(
    method: str = "GET",
    target: str = "/",
    *,
    headers: Headers = (),
    body: Body | bytes | str = EMPTY,
    path: Path | str = "/svc/web",
) -> HttpRequest:
    """Return an HTTP request that has been identified as `path`. Names of headers are written in lower case for you."""
    context = Context()
    context.path = _path(path)
    return HttpRequest(method.encode(), target.encode(), _fields(headers), _body(body), context)


def reply(status: int = 200, body: Body | bytes | str = EMPTY, *, headers: Headers = ()) -> HttpReply:
    """Return an HTTP reply, still open."""
    return HttpReply(status, _fields(headers), _body(body))


def _fields(headers: Headers) -> Fields:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    return [(_bytes(name).lower(), _bytes(value)) for name, value in pairs]


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _body(body: Body | bytes | str) -> Body:
    return body if isinstance(body, Body) else Buffered(_bytes(body))


def _path(path: Path | str) -> Path:
    return Path.read(path) if isinstance(path, str) else path


class Trickle(Body):
    """A body that comes in the pieces given, one for each `receive`, and then ends, or breaks off with `error`.

    `size` is None unless it is given. `pulled` counts the bytes that were received so far, and `ended` says whether the
    end, or the error, was. Each `receive` lets other tasks run, as one from a network would.
    """

    def __init__(
        self, *pieces: bytes, error: Exception | None = None, size: int | None = None, trailers: Headers = ()
    ) -> None:
        if not all(pieces):
            raise ValueError("a piece of a body is never empty: that means its end")
        self._pieces = deque(pieces)
        self._error = error
        self._size = size
        self._trailers = _fields(trailers)
        self.pulled = 0
        self.ended = False

    @property
    def size(self) -> int | None:
        return self._size

    @property
    def broke(self) -> bool:
        return self.ended and self._error is not None

    @property
    def trailers(self) -> Fields:
        return self._trailers if self.ended else []

    async def receive(self) -> bytes:
        """Return the next piece, or `b""` at the end and ever after. Raises `error` instead of the end, if there is one."""
        await trio.lowlevel.checkpoint()
        if self._pieces:
            piece = self._pieces.popleft()
            self.pulled += len(piece)
            return piece
        self.ended = True
        if self._error is not None:
            raise self._error
        return b""


def memory_connections() -> tuple[StreamConnection, StreamConnection]:
    """Return the two ends of a connection in memory, the client's and the server's: for tests of codecs."""
    client, server = trio.testing.memory_stream_pair()
    return StreamConnection(client, "the server"), StreamConnection(server, "the client")


class ManualClock:
    """A clock that stands still until the test advances it, for whatever takes a clock: budgets, policies, averages.

    Calling it returns the seconds. Code that waits needs a clock of trio's instead: `trio.testing.MockClock`.
    """

    def __init__(self, now: float = 0.0) -> None:
        self._now = now

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass. Raises `ValueError` for a negative number: such a clock never goes back."""
        if seconds < 0:
            raise ValueError(f"time cannot pass by {seconds:g} s")
        self._now += seconds


class FakeNamer:
    """A namer whose answers the test sets, also later: each path has a `Var`, which is `Pending` at first."""

    def __init__(self) -> None:
        self._answers: dict[Path, Var[Looked]] = {}

    def lookup(self, path: Path) -> Readable[Looked]:
        """Return the answer for a path, which is what follows the namer's prefix."""
        return self.answer(path)

    def answer(self, path: Path | str) -> Var[Looked]:
        """Return the answer for a path, to be set or to see whether it is watched."""
        return self._answers.setdefault(_path(path), Var[Looked](PENDING))


class FakeInterpreter:
    """An interpreter whose bindings the test sets, also later: one for each name and override, `Pending` at first.

    Its delegations show the same bindings, without any steps.
    """

    def __init__(self) -> None:
        self.dtab: Readable[DtabState] = Var[DtabState](EMPTY_DTAB)
        self._bindings: dict[tuple[Dtab, Path], Var[BoundTree]] = {}

    def bind(self, local: Dtab, path: Path) -> Readable[BoundTree]:
        """Return what `path` is bound to under an override."""
        return self.binding(path, local)

    def binding(self, path: Path | str, local: Dtab = EMPTY_DTAB) -> Var[BoundTree]:
        """Return the binding of a name, to be set or to see whether it is watched."""
        return self._bindings.setdefault((local, _path(path)), Var[BoundTree](PENDING))

    def delegate(self, local: Dtab, path: Path) -> Readable[Delegation]:
        """Return the binding of a name as the end of its way."""
        namers = Namers([(EMPTY_PATH, _Bindings(self, local))])

        def follow(read: Reader) -> Delegation:
            return delegate(EMPTY_DTAB, namers, Leaf(path), read)

        return Computed(follow)


class _Bindings:
    """The bindings of an interpreter under one override, as a namer."""

    def __init__(self, interpreter: FakeInterpreter, local: Dtab) -> None:
        self._interpreter = interpreter
        self._local = local

    def lookup(self, path: Path) -> Readable[Looked]:
        return self._interpreter.bind(self._local, path)
