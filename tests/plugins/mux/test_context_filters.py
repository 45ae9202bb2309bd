"""What calls carry, read and written."""

import random

import pytest

from mesh import (
    METRICS,
    AddrPending,
    BoundName,
    Buffered,
    Counter,
    DeadlineExceeded,
    Dtab,
    Fields,
    Fixed,
    Metrics,
    Params,
    Path,
    TraceId,
)
from mesh.testing import ManualClock, run_filter
from mesh_plugins.filters.deadlines import Deadlines
from mesh_plugins.finagle.contexts import DEADLINE, RETRIES, TRACE, pack_deadline
from mesh_plugins.mux.context_filters import (
    ATTEMPT_CONTEXTS,
    CONTEXTS,
    TRUSTS_CONTEXTS,
    ReadContexts,
    WriteContexts,
    sendable,
)
from mesh_plugins.mux.message import MuxReply, MuxRequest

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
TRACE_ID = TraceId.of(3, 2, 1)


def call(*contexts: tuple[bytes, bytes], dtab: str = "") -> MuxRequest:
    return MuxRequest(Path.read("/web"), Buffered(b"hi"), list(contexts), Dtab.read(dtab) if dtab else None)


def reader(rejected: Counter | None = None) -> ReadContexts:
    return ReadContexts(
        Deadlines(rejected or Counter(), Metrics().histogram("transit"), ManualClock(100.0), lambda: NOW)
    )


async def read(request: MuxRequest) -> MuxRequest:
    await run_filter(reader(), request, MuxReply())
    return request


async def test_a_trace_is_continued() -> None:
    request = await read(call((TRACE, TRACE_ID.packed)))

    assert (request.context.trace, request.contexts) == (TRACE_ID, [])


async def test_a_trace_of_a_wrong_length_is_dropped() -> None:
    assert (await read(call((TRACE, b"short")))).context.trace is None


async def test_unknown_contexts_are_passed_on() -> None:
    others: Fields = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")]

    request = await read(call(others[0], (TRACE, TRACE_ID.packed), others[1], (RETRIES, bytes(4)), others[2]))

    assert request.contexts == others


async def test_a_deadline_becomes_the_expiry() -> None:
    value = pack_deadline(NOW - SECOND, NOW + 3 * SECOND)

    request = await read(call((DEADLINE, value)))

    expiry = request.context.expiry
    assert expiry is not None
    assert (expiry.at, expiry.beyond, request.deadline) == (103.0, expiry, value)


async def test_a_deadline_that_never_comes_bounds_nothing() -> None:
    request = await read(call((DEADLINE, pack_deadline(NOW, None))))

    assert (request.context.expiry, request.deadline) == (None, None)


async def test_a_call_that_is_late_is_refused_and_counted() -> None:
    rejected = Counter()

    with pytest.raises(DeadlineExceeded, match=r"had passed 1\.000 s before it arrived"):
        await run_filter(reader(rejected), call((DEADLINE, pack_deadline(NOW - 2 * SECOND, NOW - SECOND))), MuxReply())

    assert rejected.value == 1


async def test_an_override_is_the_calls_local_dtab() -> None:
    assert (await read(call(dtab="/a=>/b"))).context.local_dtab == Dtab.read("/a=>/b")


async def test_a_stranger_says_nothing_but_what_it_asks_for() -> None:
    request = call((TRACE, TRACE_ID.packed), (DEADLINE, pack_deadline(NOW, NOW)), (b"a", b"1"), dtab="/a=>/b")
    seen: list[MuxRequest] = []

    async def service(request: MuxRequest) -> MuxReply:
        seen.append(request)
        return MuxReply()

    await CONTEXTS.wrap(Params().put(TRUSTS_CONTEXTS, False), lambda _params: service)(request)

    assert (seen[0].contexts, seen[0].dtab, seen[0].context.trace, seen[0].context.local_dtab) == ([], None, None, None)


async def test_late_calls_are_counted_among_the_servers_metrics() -> None:
    metrics = Metrics()

    async def service(_request: MuxRequest) -> MuxReply:
        return MuxReply()

    wrapped = CONTEXTS.wrap(Params().put(METRICS, metrics), lambda _params: service)
    with pytest.raises(DeadlineExceeded):
        await wrapped(call((DEADLINE, pack_deadline(1, 2))))


def bound(residual: str) -> BoundName:
    return BoundName(Path.read("/#/web"), Path.read(residual), Fixed(AddrPending()))


async def attempt(request: MuxRequest, filter_: WriteContexts | None = None) -> MuxRequest:
    await run_filter(filter_ or WriteContexts(random.Random(1)), request, MuxReply())
    return request


async def test_the_residual_path_is_the_destination() -> None:
    request = call()
    request.context.bound = bound("/rest/of/it")

    assert (await attempt(request)).destination == Path.read("/rest/of/it")


async def test_each_attempt_is_a_span_below_the_call() -> None:
    filter_, request = WriteContexts(random.Random(1)), call()
    request.context.bound = bound("/")
    request.context.trace = TRACE_ID

    spans = [(await attempt(request, filter_)).context.span for _ in range(2)]

    assert [span.parent for span in spans if span] == [3, 3]
    assert [span.trace for span in spans if span] == [1, 1]
    assert spans[0] != spans[1]


async def test_a_call_without_a_trace_begins_one() -> None:
    request = call()
    request.context.bound = bound("/")

    await attempt(request)

    assert request.context.trace is not None
    assert request.context.span is not None
    assert request.context.span.trace == request.context.trace.trace


async def test_an_override_is_passed_on_as_far_as_any_server_can_read_it() -> None:
    request = call()
    request.context.bound = bound("/")
    request.context.local_dtab = Dtab.read("/a=>/b;/a/*=>/c")

    assert (await attempt(request)).dtab == Dtab.read("/a=>/b")


@pytest.mark.parametrize(
    ("text", "expected"), [("/a=>/b", "/a=>/b"), ("/*=>/b", None), ("/a/*/b=>/b;/x=>/y", "/x=>/y")]
)
def test_delegations_with_a_wildcard_are_not_sent(text: str, expected: str | None) -> None:
    found = sendable(Dtab.read(text))

    assert (found and found.show()) == expected


async def test_attempts_are_written_below_the_binding() -> None:
    seen: list[MuxRequest] = []

    async def service(request: MuxRequest) -> MuxReply:
        seen.append(request)
        return MuxReply()

    request = call()
    request.context.bound = bound("/x")

    await ATTEMPT_CONTEXTS.wrap(Params(), lambda _params: service)(request)

    assert seen[0].destination == Path.read("/x")
