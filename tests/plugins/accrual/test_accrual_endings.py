"""What a breaker makes of replies whose end has to tell what they are."""

import pytest

from mesh import Life, MeshError, Outcome, Reply, Request, UpstreamBroken
from mesh.testing import Trickle, reply, request
from tests.plugins.accrual.breaking import Bench, Told


def _at_the_end(_request: Request, result: Reply | MeshError) -> Outcome:
    """Judge by the trailers, as gRPC does."""
    if not isinstance(result, Reply) or not result.body.trailers:
        return Outcome.UNDECIDED
    return Outcome.SUCCESS if (b"ok", b"yes") in result.body.trailers else Outcome.FAILURE


async def _told_of(life: Life, body: Trickle, *, is_read: bool = True) -> list[str]:
    """Return what a policy is told of a reply with this body."""
    policy = Told()
    bench = Bench(life, policy)
    bench.rest.answer = lambda _request: reply(200, body)
    asked = request()
    asked.context.classifier = _at_the_end
    answered = await bench.service(asked)
    try:
        while is_read and await answered.body.receive():
            pass
    except UpstreamBroken:
        pass
    await answered.aclose()
    return policy.told


@pytest.mark.parametrize(("ok", "told"), [("yes", ["success"]), ("no", ["failure"])])
async def test_the_trailers_of_a_reply_may_say_how_it_counts(life: Life, ok: str, told: list[str]) -> None:
    assert await _told_of(life, Trickle(b"a", trailers={"ok": ok})) == told


async def test_one_that_broke_off_before_them_is_a_failure(life: Life) -> None:
    assert await _told_of(life, Trickle(b"a", error=UpstreamBroken("reset"))) == ["failure"]


async def test_one_that_was_let_go_before_them_says_nothing(life: Life) -> None:
    assert await _told_of(life, Trickle(b"a"), is_read=False) == []
