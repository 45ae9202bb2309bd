"""Replies that filters forget to close."""

import pytest

from mesh import forgotten
from mesh.filtering import bind
from mesh.forgotten import Watch, bind_watched, close_forgotten
from mesh.message import Body, Reply, Request
from mesh.service import AnyService, Service
from tests.trails import passing, raised_by


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(forgotten, "WATCH", Watch())
    return forgotten.WATCH


class Endpoint:
    """A service that makes a reply per call, as one that came from outside."""

    def __init__(self, body: Body | None = None) -> None:
        self.body = body
        self.replies: list[Reply] = []

    async def __call__(self, request: Request, /) -> Reply:
        self.replies.append(Reply() if self.body is None else Reply(self.body))
        request.context.made(self.replies[-1])
        return self.replies[-1]

    @property
    def closed(self) -> list[bool]:
        return [reply.closed for reply in self.replies]


async def twice(request: Request, service: Service[Request, Reply], /) -> Reply:
    """A filter that forgets the first of two replies."""
    await service(request)
    return await service(request)


async def exchange(service: AnyService) -> None:
    """Do as a server does with a request."""
    request = Request()
    reply = await service(request)
    await reply.aclose()
    made = request.context.replies
    if made is not reply and made is not None:
        await close_forgotten(made, reply)


async def test_a_reply_that_a_filter_forgot_is_closed_and_filters_are_watched_in_stacks_built_from_then_on(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint()

    for _ in range(2):
        await exchange(bind_watched(passing, bind_watched(twice, endpoint, "twice"), "passing"))

    assert endpoint.closed == [True] * 4
    assert [record.getMessage() for record in caplog.records] == [
        "one of the filters passing, twice forgot to close a reply",
        "twice forgot to close a reply",
    ]


async def test_a_filter_that_closes_what_it_does_not_return_is_not_logged(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.is_close = True
    endpoint = Endpoint()

    async def closing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await (await service(request)).aclose()
        return await service(request)

    await exchange(bind_watched(closing, endpoint, "closing"))

    assert (endpoint.closed, caplog.records) == ([True, True], [])


async def test_a_reply_that_lends_its_body_is_closed_when_that_was_written(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint(Body())
    left_open: list[bool] = []

    async def wrapping(request: Request, service: Service[Request, Reply], /) -> Reply:
        reply = await service(request)
        return Reply(reply.body)

    async def looking(request: Request, service: Service[Request, Reply], /) -> Reply:
        reply = await service(request)
        left_open.append(endpoint.replies[0].closed)
        return reply

    watch.is_close = True
    await exchange(bind(looking, bind_watched(wrapping, endpoint, "wrapping")))

    assert (left_open, endpoint.closed, caplog.records) == ([False], [True], [])


async def test_a_forgotten_reply_without_a_body_is_not_taken_for_one_that_lends_it(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint()

    async def replacing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await service(request)
        return Reply()

    await exchange(bind_watched(replacing, endpoint, "replacing"))

    assert (endpoint.closed, watch.is_close) == ([True], True)


async def test_what_a_watched_filter_received_before_it_raised_is_closed(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.is_close = True
    endpoint = Endpoint()

    async def failing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await service(request)
        raise LookupError("a bug")

    await raised_by(bind_watched(failing, endpoint, "failing"))

    assert endpoint.closed == [True]


async def test_what_an_exchange_received_before_it_broke_off_is_closed_and_nobodys_fault(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    replies = [Reply(), Reply()]

    await close_forgotten(replies, None)
    await close_forgotten(Reply(), None)

    assert ([reply.closed for reply in replies], watch.is_close, caplog.records) == ([True, True], False, [])
