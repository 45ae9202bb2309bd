"""Retries of protocols that say at the end what a reply is, when to come again, and how often they came."""

from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from mesh import Body, HttpReply, HttpRequest, MeshError, Outcome, Reply, Request, UpstreamBroken, field
from mesh.testing import Trickle, reply, request
from mesh_plugins.filters.retries import RetryManners
from tests.plugins.filters.retrying import Bench, rules


def _by_trailers(_request: Request, result: Reply | MeshError) -> Outcome:
    if isinstance(result, MeshError):
        return Outcome.RETRYABLE
    said = field(result.body.trailers, b"status")
    if said is None:
        return Outcome.UNDECIDED
    return Outcome.SUCCESS if said == b"ok" else Outcome.RETRYABLE


def _pushback(failed: Reply | MeshError) -> float | None:
    said = field(failed.body.trailers, b"pushback") if isinstance(failed, Reply) else None
    return None if said is None else float(said)


def _mark(asked: Request, retries: int) -> None:
    assert isinstance(asked, HttpRequest)
    asked.headers.append((b"attempts", b"%d" % retries))


MANNERS = RetryManners(records_unsized=True, pushback=_pushback, mark=_mark)


def bench(**changed: Any) -> Bench:
    return Bench(classifier=_by_trailers, manners=MANNERS, **changed)


def bad(**trailers: str) -> HttpReply:
    return reply(200, Trickle(trailers={"status": "bad", **trailers}))


def good() -> HttpReply:
    return reply(200, Trickle(b"yes", trailers={"status": "ok"}))


async def _all(body: Body) -> bytes:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    return b"".join(pieces)


async def test_a_reply_that_fails_before_its_first_piece_is_retried() -> None:
    tried, failed, answer = bench(), bad(), good()

    answered = await tried.send(request(), failed, answer)

    assert (answered, failed.closed, tried.count("total")) == (answer, True, 1)
    assert await _all(answer.body) == b"yes"


async def test_one_that_has_begun_is_returned_as_it_is() -> None:
    tried, failed = bench(), reply(200, Trickle(b"a", trailers={"status": "bad"}))

    answered = await tried.send(request(), failed)

    assert (answered, await _all(failed.body), tried.attempts) == (failed, b"a", 1)


async def test_one_that_breaks_off_before_its_first_piece_is_retried() -> None:
    tried, answer = bench(), good()

    assert await tried.send(request(), reply(200, Trickle(error=UpstreamBroken("reset"))), answer) is answer


class Slow(Body):
    """A body whose first piece takes its time."""

    async def receive(self) -> bytes:
        await trio.sleep(1.0)
        return b"late"


async def test_one_that_says_nothing_for_a_while_is_let_through(autojump_clock: MockClock) -> None:
    tried, slow = bench(), reply(200, Slow())

    answered = await tried.send(request(), slow)

    assert (answered, trio.current_time(), tried.count("classification_timeout")) == (slow, 0.1, 1)


async def test_a_service_can_have_it_held_back_for_another_time(autojump_clock: MockClock) -> None:
    tried, slow = bench(rules=attrs.evolve(rules(), hold_seconds=0.5)), reply(200, Slow())

    await tried.send(request(), slow)

    assert trio.current_time() == 0.5


async def test_one_whose_request_cannot_be_sent_again_is_not_held_back() -> None:
    tried, slow = bench(rules=rules(buffer_bytes=1)), reply(200, Slow())

    answered = await tried.send(request(body=Trickle(b"long", size=4)), slow)

    assert (answered, tried.count("classification_timeout")) == (slow, 0)


async def test_a_body_of_unknown_size_is_sent_again() -> None:
    tried, bodies = bench(), []

    async def fail(asked: HttpRequest) -> Reply:
        bodies.append(await _all(asked.body))
        return bad()

    async def answer(asked: HttpRequest) -> Reply:
        bodies.append(await _all(asked.body))
        return good()

    await tried.send(request(body=Trickle(b"a", b"b")), fail, answer)

    assert bodies == [b"ab", b"ab"]


async def test_one_that_turns_out_too_long_is_not() -> None:
    tried, bodies = bench(rules=rules(buffer_bytes=2)), []

    async def fail(asked: HttpRequest) -> Reply:
        bodies.append(await _all(asked.body))
        return bad()

    await tried.send(request(body=Trickle(b"a", b"b", b"c")), fail)

    assert (bodies, tried.count("request_stream_too_long")) == ([b"abc"], 1)


@pytest.mark.parametrize(("pushback", "seconds", "attempts"), [("2.5", 2.5, 2), ("0", 0.0, 2), ("-1", 0.0, 1)])
async def test_an_endpoint_says_when_to_come_again(
    autojump_clock: MockClock, pushback: str, seconds: float, attempts: int
) -> None:
    tried = bench(rules=rules(1.0, 1.0))

    await tried.send(request(), bad(pushback=pushback), good())

    assert (trio.current_time(), tried.attempts) == (seconds, attempts)


async def test_an_endpoint_that_wants_to_be_left_alone_for_long_is() -> None:
    tried, failed = bench(), bad(pushback="31")

    assert (await tried.send(request(), failed), tried.attempts) == (failed, 1)


async def test_each_retry_says_the_how_manieth_it_is() -> None:
    tried = bench()

    await tried.send(request(), bad(), bad(), good())

    sent = [field(asked.headers, b"attempts") for asked in tried.below.requests]
    assert sent == [None, b"1", b"2"]
