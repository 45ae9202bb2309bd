"""How often requests pass."""

from collections.abc import Callable
from typing import Any

import pytest
import trio
import trio.testing

from mesh import METRICS, WORKERS, AnyService, Metrics, Params, Path, RateLimited, Request
from mesh.testing import request
from mesh_plugins.filters.rate_limit import Buckets, RateLimitConfig, rate_limit
from tests.plugins.rest import Rest, numbers


def limited(metrics: Metrics | None = None, rest: Rest | None = None, **keys: Any) -> AnyService:
    params = Params().put(METRICS, metrics or Metrics())
    return rate_limit(RateLimitConfig(**keys)).wrap(params, rest or Rest())


async def passed(service: AnyService, *requests: Request) -> list[bool]:
    """Return which of the requests were let through."""
    through = []
    for one in requests:
        try:
            await service(one)
            through.append(True)
        except RateLimited:
            through.append(False)
    return through


def times(count: int, make: Callable[[], Request] = request) -> list[Request]:
    return [make() for _time in range(count)]


def named(path: str) -> Request:
    return request(path=path)


def from_client(peer: str) -> Request:
    asked = request()
    asked.context.peer = peer
    return asked


async def test_what_comes_after_the_bucket_is_empty_is_refused(autojump_clock: trio.testing.MockClock) -> None:
    assert await passed(limited(requests=3), *times(5)) == [True, True, True, False, False]


async def test_tokens_come_back_one_by_one(autojump_clock: trio.testing.MockClock) -> None:
    service = limited(requests=10, seconds=1.0)
    await passed(service, *times(10))

    await trio.sleep(0.25)

    assert await passed(service, *times(3)) == [True, True, False]


async def test_a_burst_may_differ_from_the_rate(autojump_clock: trio.testing.MockClock) -> None:
    service = limited(requests=1, seconds=1.0, burst=3)

    first = await passed(service, *times(4))
    await trio.sleep(60)

    assert first == [True, True, True, False]
    assert await passed(service, *times(4)) == first


async def test_no_more_pass_in_the_long_run_than_the_rate(autojump_clock: trio.testing.MockClock) -> None:
    service = limited(requests=10, seconds=1.0, burst=1)
    through = []
    for _time in range(1000):
        through += await passed(service, request())
        await trio.sleep(0.01)

    assert 99 <= sum(through) <= 101


async def test_a_refusal_says_when_to_come_again(autojump_clock: trio.testing.MockClock) -> None:
    service = limited(requests=2, seconds=10.0)
    await passed(service, *times(2))
    await trio.sleep(1)

    with pytest.raises(
        RateLimited, match=r"more than 2 requests in 10 s through this router; try again in 4 s"
    ) as refused:
        await service(request())

    assert (refused.value.limit, refused.value.retryable) == (2, False)
    assert refused.value.retry_seconds == pytest.approx(4.0, abs=1e-6)
    assert refused.value.reset_seconds == pytest.approx(9.0, abs=1e-6)


async def test_a_refused_request_takes_no_token_and_reaches_nobody(autojump_clock: trio.testing.MockClock) -> None:
    metrics, rest = Metrics(), Rest()
    service = limited(metrics, rest, requests=1)

    await passed(service, *times(5))
    await trio.sleep(1)

    assert await passed(service, *times(2)) == [True, False]
    assert len(rest.requests) == 2
    assert numbers(metrics, "rate_limit")["refused"] == 5


@pytest.mark.parametrize(
    ("keys", "requests"),
    [
        ({"by": "name"}, [named("/svc/a"), named("/svc/b"), named("/svc/a")]),
        ({"by": "client"}, [from_client("10.0.0.1:4000"), from_client("[::1]:4000"), from_client("10.0.0.1:4001")]),
        (
            {"by": "header", "header": "X-Key"},
            [request(headers={"x-key": "a"}), request(headers={"x-key": "b"}), request(headers={"x-key": "a"})],
        ),
        ({"by": "header", "header": "x-key"}, [request(), request(headers={"x-key": ""}), request()]),
    ],
    ids=["name", "client", "header", "no header"],
)
async def test_each_has_a_bucket_of_its_own(
    autojump_clock: trio.testing.MockClock, keys: dict[str, Any], requests: list[Request]
) -> None:
    assert await passed(limited(requests=1, **keys), *requests) == [True, True, False]


async def test_what_is_left_is_shown_where_that_is_asked_for(autojump_clock: trio.testing.MockClock) -> None:
    service = limited(requests=10, seconds=10.0, show_always=True)

    answered = await service(request())

    assert answered.headers[-3:] == [
        (b"x-ratelimit-limit", b"10"),
        (b"x-ratelimit-remaining", b"9"),
        (b"x-ratelimit-reset", b"1"),
    ]


async def test_stacks_of_one_entry_share_its_buckets(autojump_clock: trio.testing.MockClock) -> None:
    module = rate_limit(RateLimitConfig(requests=1))
    params = Params().put(METRICS, Metrics())
    first, second = module.wrap(params, Rest()), module.wrap(params, Rest())

    await first(request())

    assert await passed(second, request()) == [False]


async def test_workers_share_the_rate_and_the_burst(autojump_clock: trio.testing.MockClock) -> None:
    module = rate_limit(RateLimitConfig(requests=4, seconds=1.0))
    service = module.wrap(Params().put(METRICS, Metrics()).put(WORKERS, 2), Rest())

    at_once = await passed(service, *(request() for _number in range(3)))
    await trio.sleep(0.5)
    later = await passed(service, request(), request())

    assert (at_once, later) == ([True, True, False], [True, False])


def test_the_bucket_used_longest_ago_makes_room() -> None:
    buckets = Buckets(1, 1.0, 1, 2)
    buckets.take("a", 0.0)
    buckets.take("b", 0.1)
    buckets.take("a", 0.2)

    buckets.take("c", 0.3)

    assert len(buckets) == 2
    assert [bucket for bucket in "abc" if buckets.left(bucket, 0.3)[0]] == ["b"]


def test_a_bucket_never_holds_more_than_the_burst() -> None:
    buckets = Buckets(1, 1.0, 5, 10)
    buckets.take("a", 0.0)

    assert buckets.left("a", 1e6) == (5, 0.0)


@pytest.mark.parametrize("keys", [{"by": "header"}, {"by": "client", "header": "x-key"}])
def test_a_header_goes_with_by_header_alone(keys: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="'header' names the header of `by: header`"):
        RateLimitConfig(requests=1, **keys)


def test_names_are_known_only_below_the_router() -> None:
    assert rate_limit(RateLimitConfig(requests=1, by="name")).below == ("errors", "router")


def test_paths_of_one_name_are_one_key() -> None:
    buckets = Buckets(1, 1.0, 1, 10)
    buckets.take(Path.read("/svc/a"), 0.0)

    assert buckets.take(Path.read("/svc/a"), 0.0) == pytest.approx(1.0)
