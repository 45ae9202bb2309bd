"""What came beside a call, made use of."""

import random
import struct

import pytest

from mesh import BadRequestContext, Counter, DeadlineExceeded, Dtab, Metrics, TraceId, span_ids
from mesh.testing import ManualClock, Scripted
from mesh_plugins.filters.deadlines import Deadlines
from mesh_plugins.finagle.contexts import DEADLINE, NEVER
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, ThriftRequest, nothing, read_request
from mesh_plugins.thrift.request_header import HeaderReader, TraceIds

NOW = 10**18


def asked(header: RequestHeader | None = None) -> ThriftRequest:
    return read_request(BINARY.message(1, b"echo", 7, b"\0"), header=header)


def reader(rejected: Counter | None = None, *, trusts: bool = True) -> HeaderReader:
    spans = span_ids(random.Random(1))
    transit = Metrics().histogram("transit_latency_ms")
    deadlines = Deadlines(rejected or Counter(), transit, ManualClock(100.0), lambda: NOW)
    return HeaderReader(deadlines, spans, trusts=trusts)


async def read(header: RequestHeader | None, made: HeaderReader | None = None) -> ThriftRequest:
    request = asked(header)
    await (made or reader())(request, Scripted(nothing(request)))
    return request


def deadline(stamp: int, at: int) -> RequestHeader:
    return RequestHeader(contexts=[(DEADLINE, struct.pack(">qq", stamp, at))])


async def test_a_call_without_a_header_is_passed_on() -> None:
    context = (await read(None)).context

    assert (context.trace, context.local_dtab, context.expiry) == (None, None, None)


async def test_the_hop_is_a_span_below_the_caller_s() -> None:
    caller = TraceId.of(1, flags=6)

    trace = (await read(RequestHeader(caller))).context.trace

    assert trace is not None
    assert (trace.parent, trace.trace, trace.sampled) == (1, 1, True)


async def test_delegations_are_the_override_of_the_dtab() -> None:
    header = RequestHeader(delegations=[(b"/foo", b"/bar | /baz"), (b"/*/x", b"!")])

    contexts = [(await read(header)).context for _time in range(2)]

    assert [context.local_dtab for context in contexts] == [Dtab.read("/foo => /bar | /baz; /*/x => !")] * 2


@pytest.mark.parametrize("pair", [(b"foo", b"/bar"), (b"/foo", b""), (b"/foo", b"x" * 9000)])
async def test_an_override_that_cannot_be_read_is_refused(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadRequestContext):
        await read(RequestHeader(delegations=[pair]))


async def test_a_deadline_bounds_the_call() -> None:
    expiry = (await read(deadline(NOW, NOW + 3 * 10**9))).context.expiry

    assert expiry is not None
    assert (expiry.at, type(expiry.error())) == (103.0, DeadlineExceeded)
    assert expiry.beyond is expiry


async def test_a_sender_s_clock_may_be_ahead() -> None:
    expiry = (await read(deadline(NOW + 10**9, NOW + 3 * 10**9))).context.expiry

    assert expiry is not None
    assert expiry.at == 102.0


async def test_work_that_is_late_is_not_begun() -> None:
    rejected = Counter()

    with pytest.raises(DeadlineExceeded, match="had passed 1"):
        await read(deadline(1, NOW - 10**9), reader(rejected))

    assert rejected.value == 1


@pytest.mark.parametrize("header", [deadline(NOW, NEVER), RequestHeader(contexts=[(DEADLINE, b"short")])])
async def test_what_says_no_deadline_bounds_nothing(header: RequestHeader) -> None:
    assert (await read(header)).context.expiry is None


async def test_a_stranger_says_where_it_wants_to_go_and_no_more() -> None:
    came = RequestHeader(TraceId.of(1), b"me", [(b"x", b"1")], b"/dest", [(b"/a", b"/b")])

    request = await read(came, reader(trusts=False))

    assert request.header is not None
    assert (request.header.dest, request.header.contexts, request.header.client_id) == (b"/dest", [], b"")
    assert (request.context.trace, request.context.local_dtab) == (None, None)


async def test_each_attempt_is_a_span_of_its_own() -> None:
    request = asked()
    spans = TraceIds(random.Random(1))
    seen = []
    for _attempt in range(2):
        await spans(request, Scripted(nothing(request)))
        seen.append(request.context.span)

    first, second = seen
    trace = request.context.trace
    assert first is not None
    assert second is not None
    assert trace is not None
    assert {first.parent, second.parent} == {trace.span}
    assert first.span != second.span
