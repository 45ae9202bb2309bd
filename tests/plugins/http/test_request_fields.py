"""What a request says of itself."""

import random
from typing import Any

import pytest

from mesh import Fields, HttpReply, HttpRequest, Params, Propagator, TraceId
from mesh_plugins.http.request_fields import PROPAGATOR, REQUEST_FIELDS, TRUSTS_TRACES, RequestFields, Traces
from mesh_plugins.propagators.b3 import B3Config, b3
from mesh_plugins.propagators.l5d import L5dConfig, l5d
from mesh_plugins.propagators.w3c import W3cConfig, w3c

HOST = (b"host", b"web")
CALLER = TraceId.of(3, 2, 1)


async def _ok(_request: HttpRequest, /) -> HttpReply:
    return HttpReply(200)


async def _unasked(_request: HttpRequest, _service: Any) -> HttpReply:
    raise AssertionError("nobody asked for an explanation")


async def _through(headers: Fields, propagator: Propagator | None = None, **more: Any) -> HttpRequest:
    traces = Traces(propagator or l5d(L5dConfig()), random.Random(7), **more)
    request = HttpRequest(b"GET", b"/", headers)
    await RequestFields(traces, _unasked)(request, _ok)
    return request


async def test_a_request_of_no_trace_is_left_to_its_first_attempt() -> None:
    request = await _through([HOST])

    assert (request.context.trace, request.headers) == (None, [HOST])


async def test_a_request_of_a_trace_is_a_span_below_its_caller() -> None:
    request = await _through([HOST, *l5d(L5dConfig()).write(CALLER.decided(True))])

    trace = request.context.trace
    assert trace is not None
    assert (trace.trace, trace.parent, trace.sampled) == (1, 3, True)
    assert trace.span != 3
    assert request.headers == [HOST]


@pytest.mark.parametrize(("rate", "sampled"), [(b"1", True), (b"0", False), (b"yes", None)])
async def test_a_rate_decides_where_nobody_has(rate: bytes, sampled: bool | None) -> None:
    request = await _through([HOST, (b"l5d-sample", rate)])

    assert request.context.trace is not None
    assert request.context.trace.sampled is sampled
    assert request.headers == [HOST]


async def test_a_rate_does_not_undo_a_decision() -> None:
    decided = await _through([(b"l5d-sample", b"0"), *l5d(L5dConfig()).write(CALLER.decided(True))])
    alone = await _through([(b"l5d-sample", b"0"), (b"b3", b"1")], b3(B3Config()))

    assert [request.context.trace and request.context.trace.sampled for request in (decided, alone)] == [True, True]


async def test_who_is_not_trusted_does_not_say_what_trace_it_is() -> None:
    headers: Fields = [HOST, (b"l5d-sample", b"1"), (b"tracestate", b"x=y"), *w3c(W3cConfig()).write(CALLER)]

    request = await _through(headers, w3c(W3cConfig()), trusts=False)

    assert request.headers == [HOST]
    assert request.context.trace is not None
    assert (request.context.trace.parent, request.context.trace.trace == 1) == (None, False)


async def test_a_certificate_that_a_client_claims_to_have_is_not_believed() -> None:
    request = await _through([(b"x-forwarded-client-cert", b"Hash=A"), HOST, (b"x-forwarded-client-cert", b"Hash=B")])

    assert request.headers == [HOST]


async def test_without_a_propagator_fields_of_traces_pass() -> None:
    headers = [HOST, *l5d(L5dConfig()).write(CALLER)]
    request = HttpRequest(b"GET", b"/", headers)

    await RequestFields(None, _unasked)(request, _ok)

    assert (request.headers, request.context.trace) == (headers, None)


@pytest.mark.parametrize("method", [b"TRACE", b"OPTIONS"])
async def test_only_a_request_that_asks_for_it_is_explained(method: bytes) -> None:
    seen: list[bytes] = []

    async def explain(request: HttpRequest, service: Any) -> HttpReply:
        seen.append(request.method)
        return HttpReply(200)

    fields = RequestFields(None, explain)
    await fields(HttpRequest(method, b"/", [HOST]), _ok)
    await fields(HttpRequest(method, b"/", [(b"max-forwards", b"1")]), _ok)
    await fields(HttpRequest(b"GET", b"/", [(b"max-forwards", b"1")]), _ok)

    assert seen == [method]


async def test_a_server_is_built_with_what_its_router_and_it_say() -> None:
    params = Params().put(PROPAGATOR, l5d(L5dConfig())).put(TRUSTS_TRACES, False)
    request = HttpRequest(b"GET", b"/", l5d(L5dConfig()).write(CALLER))

    await REQUEST_FIELDS.wrap(params, lambda _params: _ok)(request)

    assert request.context.trace is not None
    assert request.context.trace.trace != 1
