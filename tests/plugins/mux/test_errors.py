"""Errors as answers, and what an answer means."""

import pytest

from mesh import (
    ClientGone,
    MeshError,
    Metrics,
    Outcome,
    Params,
    Path,
    RateLimited,
    Reply,
    Unavailable,
    Unroutable,
    UpstreamBroken,
)
from mesh.testing import run_filter
from mesh_plugins.filters.failures import FailuresByError
from mesh_plugins.mux import failure
from mesh_plugins.mux.errors import ERRORS, Errors, answer, classify, failure_name, is_nack
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import ERROR, NACK, OK
from tests.plugins.rest import numbers

RETRY = failure.context(3)
NO_RETRY = failure.context(6)


def call() -> MuxRequest:
    return MuxRequest(Path.read("/web"))


def errors(scope: Metrics | None = None) -> Errors:
    scope = scope or Metrics()
    return Errors(FailuresByError(scope, failure_name), scope.counter("nacks"))


async def test_what_may_be_sent_again_is_refused() -> None:
    request = call()

    reply = await run_filter(errors(), request, Unavailable("no endpoint"))

    assert (reply.status, reply.contexts, reply.outcome) == (NACK, RETRY, False)
    assert (reply.body.buffered, reply.pack()[-1:]) == (b"no endpoint", b"\x03")
    assert request.context.flags == "UH unavailable"


async def test_what_must_not_be_sent_again_says_so() -> None:
    reply = answer(RateLimited("slow down", limit=1, retry_seconds=1.0, reset_seconds=1.0))

    assert (reply.status, reply.contexts, reply.body.buffered) == (ERROR, NO_RETRY, b"slow down")


async def test_anything_else_is_a_failure_with_its_text() -> None:
    reply = await run_filter(errors(), call(), Unroutable("no such name"))

    assert (reply.status, reply.contexts, reply.body.buffered) == (ERROR, [], b"no such name")


async def test_a_bug_costs_one_call_a_failure(caplog: pytest.LogCaptureFixture) -> None:
    reply = await run_filter(errors(), call(), ValueError("bug"))

    assert (reply.body.buffered or b"").endswith(b"raised ValueError: bug")
    assert "raised" in caplog.text


async def test_failures_are_counted_by_their_errors_and_refusals_besides() -> None:
    scope = Metrics()

    for error in (Unavailable("no endpoint"), Unroutable("no such name"), ClientGone("x"), Unroutable("no such name")):
        await run_filter(errors(scope), call(), error)

    assert numbers(scope) == {"nacks": 1, "failures/Unavailable": 1, "failures/Unroutable": 2}


async def test_an_endpoint_s_failures_are_counted_by_what_finagle_calls_them() -> None:
    scope = Metrics()
    given = failed("sad")

    assert await run_filter(errors(scope), call(), given) is given
    assert numbers(scope) == {"nacks": 0, "failures/ServerApplicationError": 1}


@pytest.mark.parametrize(
    ("status", "name"), [(OK, None), (ERROR, "ServerApplicationError"), (NACK, "RequestNackedException")]
)
def test_a_failure_is_named_by_its_status(status: int, name: str | None) -> None:
    assert failure_name(MuxReply(status)) == name


async def test_an_answer_passes() -> None:
    given = MuxReply()

    assert await run_filter(errors(), call(), given) is given


@pytest.mark.parametrize(
    ("status", "flags", "expected"),
    [
        (OK, 0, False),
        (OK, 3, False),
        (NACK, 0, True),
        (NACK, 3, True),
        (NACK, 6, False),
        (NACK, 2, False),
        (ERROR, 0, False),
        (ERROR, 1, True),
        (ERROR, 6, False),
    ],
)
def test_an_answer_is_a_refusal_by_its_status_and_its_flags(status: int, flags: int, expected: bool) -> None:
    assert is_nack(MuxReply(status, b"", failure.context(flags))) is expected


def test_a_refusal_whose_flags_say_nothing_is_not_repeated() -> None:
    assert is_nack(MuxReply(NACK, b"", [(failure.MUX_FAILURE, bytes(8))])) is False


def test_another_protocols_reply_is_none() -> None:
    assert not is_nack(Reply())


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (MuxReply(), Outcome.SUCCESS),
        (MuxReply(ERROR), Outcome.FAILURE),
        (MuxReply(NACK), Outcome.RETRYABLE),
        (Unavailable("x"), Outcome.RETRYABLE),
        (UpstreamBroken("x"), Outcome.FAILURE),
        (ClientGone("x"), Outcome.IGNORED),
    ],
)
def test_the_status_decides_what_an_answer_means(result: MuxReply | MeshError, expected: Outcome) -> None:
    assert classify(call(), result) is expected


async def test_it_stands_above_the_router() -> None:
    async def fails(_request: MuxRequest) -> MuxReply:
        raise Unroutable("no such name")

    reply = await ERRORS.wrap(Params(), lambda _params: fails)(call())

    assert reply.status == ERROR
