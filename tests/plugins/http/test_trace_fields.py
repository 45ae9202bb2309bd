"""What the next hop is told of a trace."""

import random

import pytest

from mesh import HttpReply, HttpRequest, Params, Propagator, TraceId
from mesh_plugins.http.request_fields import PROPAGATOR
from mesh_plugins.http.trace_fields import TRACE_FIELDS, TraceFields
from mesh_plugins.propagators.l5d import L5dConfig, l5d
from mesh_plugins.propagators.w3c import W3cConfig, w3c

HOST = (b"host", b"web")


async def _ok(_request: HttpRequest, /) -> HttpReply:
    return HttpReply(200)


def _request(trace: TraceId | None) -> HttpRequest:
    request = HttpRequest(b"GET", b"/", [HOST])
    request.context.trace = trace
    return request


async def test_an_attempt_is_a_span_below_the_requests() -> None:
    request = _request(TraceId.of(3, 2, 1))

    await TraceFields(l5d(L5dConfig()), random.Random(7))(request, _ok)

    sent = l5d(L5dConfig()).read(request.headers).trace
    assert sent is not None
    assert (sent.trace, sent.parent, sent) == (1, 3, request.context.span)
    assert dict(request.headers)[b"l5d-reqid"] == b"0000000000000001"


async def test_another_attempt_is_another_span_and_leaves_nothing_of_the_first() -> None:
    request, fields = _request(TraceId.of(3)), TraceFields(l5d(L5dConfig()), random.Random(7))
    await fields(request, _ok)
    first = request.context.span

    await fields(request, _ok)

    assert request.context.span not in (None, first)
    assert request.headers == [HOST, *l5d(L5dConfig()).write(request.context.span or TraceId.of(0))]


@pytest.mark.parametrize(("propagator", "digits"), [(l5d(L5dConfig()), 16), (w3c(W3cConfig()), 32)])
async def test_a_request_of_no_trace_begins_one(propagator: Propagator, digits: int) -> None:
    request = _request(None)

    await TraceFields(propagator, random.Random(7))(request, _ok)

    trace, span = request.context.trace, request.context.span
    assert trace is not None
    assert (trace.parent, trace.sampled, len(trace.trace_hex)) == (None, None, digits)
    assert span is not None
    assert (span.trace_hex, span.parent) == (trace.trace_hex, trace.span)
    assert request.headers == [HOST, *propagator.write(span)]


async def test_no_two_traces_are_the_same() -> None:
    fields, requests = TraceFields(l5d(L5dConfig()), random.Random(7)), [_request(None) for _ in range(100)]

    for request in requests:
        await fields(request, _ok)

    assert len({request.context.trace for request in requests}) == 100


def test_without_a_propagator_nothing_is_built() -> None:
    assert TRACE_FIELDS.wrap(Params(), lambda _params: _ok) is _ok
    assert TRACE_FIELDS.wrap(Params().put(PROPAGATOR, l5d(L5dConfig())), lambda _params: _ok) is not _ok
