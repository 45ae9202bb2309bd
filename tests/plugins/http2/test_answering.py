"""What becomes of one request: its body, its reply, and the ways in which either breaks off."""

import pytest
import trio
import trio.testing

from mesh import Body, Fields, HttpReply, HttpRequest, Limits, StreamReset, UpstreamBroken
from mesh_plugins.http.gathered import Trailed
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http2.engine import ENHANCE_YOUR_CALM, INTERNAL_ERROR, NO_ERROR
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.serving import Http2Serving
from tests.plugins.http2.pairs import HOST, Stream
from tests.plugins.http2.serving import content, ok, served, status
from tests.waiting import settled


class Pieces(Body):
    """A body in pieces, with trailers, that may break off."""

    __slots__ = ("_error", "_pieces", "_trailers")

    def __init__(self, *pieces: bytes, trailers: Fields | None = None, error: Exception | None = None) -> None:
        self._pieces = list(pieces)
        self._trailers = trailers or []
        self._error = error

    @property
    def trailers(self) -> Fields:
        return self._trailers

    async def receive(self) -> bytes:
        await trio.lowlevel.checkpoint()
        if self._pieces:
            return self._pieces.pop(0)
        if self._error is not None:
            raise self._error
        return b""


async def test_a_request_is_what_the_client_said(engine: str) -> None:
    seen: list[HttpRequest] = []

    async def answer(request: HttpRequest) -> HttpReply:
        seen.append(request)
        return HttpReply(200)

    async with served(engine, answer) as client:
        await client.ask(b"POST", b"body", [(b"host", b"a.test"), (b"cookie", b"a=b")])
        await settled()

    (request,) = seen
    assert (request.method, request.target, request.version, request.scheme) == (b"POST", b"/path", (2, 0), b"http")
    assert request.headers == [(b"host", b"a.test"), (b"cookie", b"a=b")]
    assert request.body.buffered == b"body"
    assert request.context.peer == "the client"


async def test_a_long_body_streams_and_pushes_back(engine: str) -> None:
    taken: list[int] = []
    go_on = trio.Event()

    async def answer(request: HttpRequest) -> HttpReply:
        await go_on.wait()
        while piece := await request.body.receive():
            taken.append(len(piece))
        return HttpReply(204)

    serving = Http2Serving(options=Options(stream_window=1000))
    async with served(engine, answer, serving) as client:
        await settled()
        number, owner = await client.ask(b"POST", ends=False)
        sent = client.engine.send_data(number, bytes(2500), ends=True)
        client.flush()
        await settled()
        go_on.set()
        await settled()
        while sent < 2500:
            sent += client.engine.send_data(number, bytes(2500 - sent), ends=True)
            client.flush()
            await settled()

    assert taken[0] == 1000
    assert sum(taken) == 2500
    assert status(owner) == 204


async def test_a_short_body_is_read_before_the_request_goes_on(engine: str) -> None:
    seen: list[bytes | None] = []

    async def answer(request: HttpRequest) -> HttpReply:
        seen.append(request.body.buffered)
        return HttpReply(204)

    async with served(engine, answer) as client:
        await settled()
        number = client.engine.open(Stream(), b"PUT", b"/", b"http", HOST, 4, ends=False)
        client.engine.send_data(number, b"ab", ends=False)
        client.flush()
        await settled()
        before = seen.copy()
        client.engine.send_data(number, b"cd", ends=True)
        client.flush()
        await settled()

    assert before == []
    assert seen == [b"abcd"]


@pytest.mark.parametrize("is_whole", [False, True])
async def test_trailers_follow_the_body(engine: str, *, is_whole: bool) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        trailers = [(b"x", b"y")]
        return HttpReply(200, body=Trailed(b"ab", trailers) if is_whole else Pieces(b"a", b"b", trailers=trailers))

    async with served(engine, answer) as client:
        _number, owner = await client.ask()
        await settled()

    assert content(owner) == b"ab"
    assert owner.told[-1] == ("trailers", [(b"x", b"y")])


async def test_trailers_may_follow_a_body_that_is_empty(engine: str) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=Trailed(b"", [(b"x", b"y")]))

    async with served(engine, answer) as client:
        _number, owner = await client.ask()
        await settled()

    assert (content(owner), owner.told[-1]) == (b"", ("trailers", [(b"x", b"y")]))


@pytest.mark.parametrize("trailers", [[], [(b"x", b"y")]], ids=["alone", "with trailers"])
async def test_a_large_reply_in_memory_goes_out_as_its_window_opens(engine: str, trailers: Fields) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=Trailed(bytes(200_000), trailers) if trailers else bytes(200_000))

    async with served(engine, answer) as client:
        number, owner = await client.ask()
        await settled()
        first = len(content(owner))
        given = 0
        while len(content(owner)) < 200_000:
            come = len(content(owner))
            client.engine.consumed(number, come - given)
            given = come
            client.flush()
            await settled()

    assert first == 65536
    assert (owner.told[-1] == ("trailers", trailers)) if trailers else owner.told[-1][3] is True


@pytest.mark.parametrize(("method", "reply_status", "size"), [(b"HEAD", 200, 5), (b"GET", 204, None), (b"GET", 304, 5)])
async def test_replies_without_a_body_end_with_their_head(
    engine: str, method: bytes, reply_status: int, size: int | None
) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        reply = HttpReply(reply_status)
        reply.declared_size = size
        return reply

    async with served(engine, answer) as client:
        _number, owner = await client.ask(method)
        await settled()

    assert owner.told == [("reply", reply_status, [], size, True)]


async def test_an_early_reply_refuses_the_rest_of_the_body(engine: str) -> None:
    async with served(engine, ok) as client:
        number, owner = await client.ask(b"POST", b"a", ends=False)
        await settled()
        sent = client.engine.send_data(number, b"more", ends=False)

    assert content(owner) == b"/path"
    assert owner.told[-1] == ("reset", NO_ERROR, True, False)
    assert sent == 4
    assert client.engine.open_streams == 0


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StreamReset("gone", code=ENHANCE_YOUR_CALM), ENHANCE_YOUR_CALM),
        (StreamReset("gone", code=NO_ERROR), INTERNAL_ERROR),
        (UpstreamBroken("gone"), INTERNAL_ERROR),
    ],
)
async def test_a_reply_that_breaks_off_resets_its_stream(engine: str, error: Exception, code: int) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=Pieces(b"a", error=error))

    async with served(engine, answer) as client:
        _number, owner = await client.ask()
        await settled()

    assert owner.told[-1] == ("reset", code, True, False)
    assert client.serving.counts.local_resets.value == 1


async def test_a_reply_that_must_not_be_sent_becomes_a_500(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, [(b"bad", b"a\r\nb: c")])

    async with served(engine, answer) as client:
        _number, owner = await client.ask()
        await settled()

    assert status(owner) == 500
    assert "cannot be sent" in caplog.text


async def test_a_service_that_raises_becomes_a_500(engine: str, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        raise ZeroDivisionError

    async with served(engine, answer) as client:
        _number, owner = await client.ask()
        await settled()

    assert status(owner) == 500
    assert "was not answered" in caplog.text


async def test_a_body_that_is_held_back_is_called_for(engine: str) -> None:
    seen: list[bytes] = []

    async def answer(request: HttpRequest) -> HttpReply:
        seen.append(b"%d" % request.expects_continue)
        seen.append(await request.body.receive())
        return HttpReply(204)

    async with served(engine, answer) as client:
        headers = [*HOST, (b"expect", b"100-continue")]
        number, owner = await client.ask(b"POST", headers=headers, ends=False)
        await settled()
        called = owner.told.copy()
        client.engine.send_data(number, b"body", ends=True)
        client.flush()
        await settled()

    assert called == [("reply", 100, [], None, False)]
    assert seen == [b"1", b"body"]
    assert status(owner) == 204


async def test_a_client_that_stops_sending_its_body_gets_a_408(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    limits = Limits(stream_idle_timeout_s=10)
    async with served(engine, ok, Http2Serving(Serving(limits), Options(limits=limits))) as client:
        owner = Stream()
        client.engine.open(owner, b"PUT", b"/", b"http", HOST, 4, ends=False)
        client.flush()
        await trio.sleep(12)

    assert status(owner) == 408


async def test_a_client_that_does_not_read_loses_its_stream(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        return HttpReply(200, body=bytes(200_000))

    limits = Limits(stream_idle_timeout_s=10)
    async with served(engine, answer, Http2Serving(Serving(limits), Options(limits=limits))) as client:
        _number, owner = await client.ask()
        await trio.sleep(12)

    assert owner.told[-1][0] == "reset"
    assert client.serving.counts.open == 0
