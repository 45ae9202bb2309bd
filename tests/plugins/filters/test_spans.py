"""What telemeters are told of requests and attempts."""

import logging

import pytest
import trio
import trio.testing

from mesh import (
    ROUTER_LABEL,
    SERVER_LABEL,
    SPAN_SINKS,
    AnyService,
    ConnectFailed,
    Module,
    Params,
    Path,
    Reply,
    Request,
    Span,
    SpanKind,
    SpanSink,
    TraceId,
)
from mesh.testing import reply, request
from mesh_plugins.filters.spans import ATTEMPT_SPANS, SPANS
from tests.plugins.rest import Rest, raising

WEB = Path.read("/svc/web")


def built(module: Module, rest: Rest, *sinks: SpanSink) -> AnyService:
    params = Params().put(ROUTER_LABEL, "out").put(SERVER_LABEL, "127.0.0.1/4140").put(SPAN_SINKS, sinks)
    return module.wrap(params, rest)


@pytest.mark.parametrize("module", [SPANS, ATTEMPT_SPANS], ids=lambda module: module.role)
def test_nothing_is_built_where_nobody_wants_to_know(module: Module) -> None:
    rest = Rest()

    assert built(module, rest) is rest.services[0]


async def test_a_request_is_told_once_its_reply_is_closed(autojump_clock: trio.testing.MockClock) -> None:
    told = list[Span]()
    service = built(SPANS, Rest(), told.append)
    asked = request("POST", "/a", path=WEB)
    asked.context.peer, asked.context.trace = "10.0.0.9:1", TraceId.of(7)

    answered = await service(asked)
    before = list(told)
    await trio.sleep(2.0)
    await answered.aclose()

    (span,) = told
    assert before == []
    assert (span.kind, span.router, span.source, span.server) == (
        SpanKind.SERVER,
        "out",
        "10.0.0.9:1",
        "127.0.0.1/4140",
    )
    assert (span.method, span.target, span.status, span.path) == (b"POST", b"/a", 200, WEB)
    assert (span.seconds, span.is_success, span.trace) == (2.0, True, TraceId.of(7))


class Named(Request):
    """A request of a protocol that knows its method once it was named."""

    __slots__ = ("method",)

    def __init__(self) -> None:
        super().__init__()
        self.method = b""


async def test_a_method_that_was_found_on_the_way_is_told() -> None:
    told = list[Span]()
    asked = Named()

    def name(request: Request) -> Reply:
        asked.method = b"getUser"
        return Reply()

    answered = await built(SPANS, Rest(name), told.append)(asked)
    await answered.aclose()

    assert [span.method for span in told] == [b"getUser"]


async def test_an_attempt_has_the_id_of_its_own_span() -> None:
    told = list[Span]()
    asked = request(path=WEB)
    asked.context.trace, asked.context.span = TraceId.of(1), TraceId.of(2, 1)

    answered = await built(ATTEMPT_SPANS, Rest(), told.append)(asked)
    await answered.aclose()

    assert [(span.kind, span.trace) for span in told] == [(SpanKind.CLIENT, TraceId.of(2, 1))]


@pytest.mark.parametrize("status", [404, 503])
async def test_what_nobody_has_judged_goes_by_its_status(status: int) -> None:
    told = list[Span]()

    answered = await built(SPANS, Rest(lambda _request: reply(status)), told.append)(request())
    await answered.aclose()

    assert [span.is_success for span in told] == [status < 500]


async def test_what_was_judged_a_failure_is_one() -> None:
    told = list[Span]()

    def failed(_request: object) -> Reply:
        answered = reply(200)
        answered.outcome = False
        return answered

    answered = await built(SPANS, Rest(failed), told.append)(request())
    await answered.aclose()

    assert [span.is_success for span in told] == [False]


async def test_an_error_is_told_of_at_once() -> None:
    told = list[Span]()

    with pytest.raises(ConnectFailed):
        await built(ATTEMPT_SPANS, Rest(raising(ConnectFailed("refused"))), told.append)(request())

    assert [(span.status, span.is_success) for span in told] == [(0, False)]


async def test_a_telemeter_that_raises_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    told = list[Span]()

    def broken(_span: Span) -> None:
        raise RuntimeError("full")

    with pytest.raises(ConnectFailed):
        await built(SPANS, Rest(raising(ConnectFailed("refused"))), broken, told.append)(request())

    assert len(told) == 1
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
