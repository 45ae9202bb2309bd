"""Requests whose bodies stream: which attempts are repeated, and what of the body is kept for that."""

from collections.abc import Awaitable, Callable

import pytest

from mesh import ConnectFailed, HttpReply, MeshError, Metrics, Nacked, Reply, Request, UpstreamBroken
from mesh.testing import ManualClock, Scripted, Trickle, reply, request
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.replay import Recording
from mesh_plugins.filters.requeues import KEPT_BYTES, Requeues
from mesh_plugins.http.nack import is_nack
from mesh_plugins.http.protocol import is_repeatable

REFUSED = ConnectFailed("refused")
BROKEN = UpstreamBroken("reset")
UNBEGUN = UpstreamBroken("closed", retryable=True)


def new() -> Requeues:
    return Requeues(RetryBudget(BudgetLimits(), ManualClock()), Metrics(), is_repeatable, is_nack)


def nack() -> HttpReply:
    return reply(503, headers={"finagle-http-nack": "true"})


def reading(pieces: int, answer: Reply | MeshError) -> Callable[[Request], Awaitable[Reply]]:
    """Return an attempt that takes so many pieces of the body, and then ends."""

    async def attempt(asked: Request) -> Reply:
        for _ in range(pieces):
            await asked.body.receive()
        if isinstance(answer, MeshError):
            raise answer
        return answer

    return attempt


async def test_a_streamed_body_is_sent_after_a_connect_failure_as_nobody_has_read_of_it() -> None:
    ok = reply()
    service = Scripted(REFUSED, ok)

    answered = await new()(request("POST", body=Trickle(b"a")), service)

    assert (answered, len(service.requests)) == (ok, 2)


@pytest.mark.parametrize(("taken", "failure"), [(0, UNBEGUN), (2, UNBEGUN), (4, UNBEGUN), (0, nack())])
async def test_a_streamed_body_is_sent_again_from_its_start_while_little_was_taken(
    taken: int, failure: Reply | MeshError
) -> None:
    ok, content = reply(), b""
    asked = request("POST", body=Trickle(b"a", b"b", b"c", trailers={"x": "y"}))

    async def whole(again: Request) -> Reply:
        nonlocal content
        while piece := await again.body.receive():
            content += piece
        return ok

    answered = await new()(asked, Scripted(reading(taken, failure), whole))

    assert (answered, content) == (ok, b"abc")


async def test_a_streamed_request_that_may_have_been_begun_is_not_sent_again_even_if_idempotent() -> None:
    service = Scripted(BROKEN)

    with pytest.raises(UpstreamBroken):
        await new()(request("PUT", body=Trickle(b"a")), service)


async def test_a_streamed_request_is_not_sent_again_if_who_refused_it_may_have_read_of_it() -> None:
    with pytest.raises(Nacked):
        await new()(request("POST", body=Trickle(b"a")), Scripted(reading(1, nack())))


@pytest.mark.parametrize("failure", [UpstreamBroken("closed", retryable=True), BROKEN, REFUSED])
async def test_a_streamed_body_of_which_too_much_was_taken_is_not_sent_again(failure: MeshError) -> None:
    asked = request("PUT", body=Trickle(bytes(KEPT_BYTES), b"a"))
    service = Scripted(reading(2, failure))

    with pytest.raises(type(failure)):
        await new()(asked, service)


async def test_a_streamed_body_is_kept_no_more_once_there_is_a_reply() -> None:
    asked = request("POST", body=Trickle(b"a", b"b", b"c"))

    await new()(asked, Scripted(reading(1, reply())))
    rest = [await asked.body.receive() for _ in range(3)]

    assert (rest, Recording.of(asked.body, 1).overflowed, Recording.of(asked.body, 1).pieces) == (
        [b"b", b"c", b""],
        True,
        [],
    )


async def test_what_retries_keep_of_a_body_is_theirs_to_keep() -> None:
    recording = Recording(Trickle(b"a", b"b"), 100)
    asked = request("POST", body=recording.body())

    await new()(asked, Scripted(reading(3, reply())))

    assert recording.body().buffered == b"ab"
