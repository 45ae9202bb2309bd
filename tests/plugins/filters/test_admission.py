"""Limits on what a server takes on, and for how long."""

import pytest
import trio
import trio.testing

from mesh import (
    LIFE,
    METRICS,
    SERVER_LABEL,
    AnyService,
    ConnectFailed,
    HttpReply,
    Life,
    Metrics,
    Overloaded,
    Params,
    Reply,
    Request,
    ServerTimeout,
    bind,
)
from mesh.testing import reply, request
from mesh_plugins.filters.admission import MAX_CONCURRENT, TIMEOUT_SECONDS, admission, timeout
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising, streamed


def limited(metrics: Metrics, rest: Rest, most: int | None = 1) -> AnyService:
    params = Params().put(METRICS, metrics).put(SERVER_LABEL, "127.0.0.1/4140").put(MAX_CONCURRENT, most)
    return admission(params.put(LIFE, Life(None)), rest)


def concurrent(metrics: Metrics) -> float:
    return numbers(metrics, "server/127.0.0.1/4140")["request_concurrency"]


def timed(rest: Rest, seconds: float | None = 2.5) -> AnyService:
    return timeout(Params().put(TIMEOUT_SECONDS, seconds).put(LIFE, Life(None)), rest)


async def test_a_request_beyond_the_limit_is_refused_before_anything_is_done() -> None:
    metrics, rest = Metrics(), Rest(lambda _request: streamed())
    service = limited(metrics, rest)
    await service(request())

    with pytest.raises(Overloaded, match="more than 1 requests at a time; this one was not processed"):
        await service(request())

    assert len(rest.requests) == 1
    assert concurrent(metrics) == 1


async def test_a_place_is_free_when_the_reply_is_closed() -> None:
    metrics = Metrics()
    service = limited(metrics, Rest(lambda _request: streamed()))
    first = await service(request())

    await first.aclose()
    await first.aclose()

    assert concurrent(metrics) == 0
    assert isinstance(await service(request()), HttpReply)


@pytest.mark.parametrize("answer", [raising(ConnectFailed("refused")), raising(LookupError("a plugin's"))])
async def test_a_place_is_free_after_an_error(answer: Answer) -> None:
    metrics = Metrics()

    with pytest.raises((ConnectFailed, LookupError)):
        await limited(metrics, Rest(answer))(request())

    assert concurrent(metrics) == 0


async def test_a_place_is_free_after_a_cancellation() -> None:
    metrics = Metrics()

    with trio.move_on_after(0.0):
        await limited(metrics, Rest(hanging))(request())

    assert concurrent(metrics) == 0


async def test_a_reply_that_was_closed_already_takes_no_place() -> None:
    metrics = Metrics()

    async def closed(_request: Request) -> Reply:
        answered = reply()
        await answered.aclose()
        return answered

    await limited(metrics, Rest(closed))(request())

    assert concurrent(metrics) == 0


async def test_without_a_limit_nothing_is_added() -> None:
    metrics, rest = Metrics(), Rest()

    assert limited(metrics, rest, most=None) in rest.services
    assert numbers(metrics) == {}


async def test_a_request_that_takes_too_long_ends_and_names_what_hung(
    autojump_clock: trio.testing.MockClock,
) -> None:
    class Slow:
        async def __call__(self, request: Request, service: AnyService, /) -> Reply:
            await trio.sleep(60.0)
            raise AssertionError

    rest = Rest()
    params = Params().put(TIMEOUT_SECONDS, 2.5).put(LIFE, Life(None))
    service = timeout(params, lambda below: bind(Slow(), rest(below), "my_filter"))

    with pytest.raises(ServerTimeout, match=r"^exceeded 2\.5 s, waiting in my_filter$"):
        await service(request())

    assert trio.current_time() == pytest.approx(2.5)


async def test_a_reply_in_time_is_passed_on_and_its_body_may_take_longer(
    autojump_clock: trio.testing.MockClock,
) -> None:
    answered = await timed(Rest(lambda _request: streamed()))(request())

    await trio.sleep(10.0)

    assert await answered.body.receive() == b"a"


async def test_errors_in_time_pass() -> None:
    with pytest.raises(ConnectFailed):
        await timed(Rest(raising(ConnectFailed("refused"))))(request())


async def test_a_cancellation_from_outside_is_not_taken_for_a_timeout(
    autojump_clock: trio.testing.MockClock,
) -> None:
    with trio.move_on_after(1.0) as scope:
        await timed(Rest(hanging))(request())

    assert scope.cancelled_caught


async def test_without_a_time_nothing_is_added() -> None:
    rest = Rest()

    assert timed(rest, None) in rest.services
