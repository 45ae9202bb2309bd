"""Timeouts of requests and of attempts: what the request carries below them."""

from typing import Any

import pytest
import trio
import trio.testing

from mesh import (
    ENDPOINT,
    LIFE,
    PATH,
    AnyService,
    AttemptTimeout,
    ConnectFailed,
    DeadlineExceeded,
    Endpoint,
    Expiry,
    Life,
    Param,
    Params,
    Path,
    Reply,
    TotalTimeout,
)
from mesh.testing import reply, request
from mesh_plugins.filters.timeouts import ATTEMPT_SECONDS, PASS_ON, TOTAL_SECONDS, attempt_timeout, total_timeout
from tests.plugins.rest import Rest, raising

PARAMS = Params().put(LIFE, Life(None)).put(PATH, Path.read("/svc/web")).put(ENDPOINT, Endpoint("10.0.0.1", 80))


class Below:
    """Remembers what the request carried when it came, and what the next hop was told."""

    def __init__(self) -> None:
        self.expiries: list[Expiry | None] = []
        self.told: list[float] = []
        self.rest = Rest(self.answer)

    def answer(self, asked: Any) -> Reply:
        self.expiries.append(asked.context.expiry)
        return reply()

    def params(self, param: Param[float | None], seconds: float | None) -> Params:
        return PARAMS.put(param, seconds).put(PASS_ON, lambda _request, at: self.told.append(at))

    def total(self, seconds: float | None) -> AnyService:
        return total_timeout(self.params(TOTAL_SECONDS, seconds), self.rest)

    def attempt(self, seconds: float | None) -> AnyService:
        return attempt_timeout(self.params(ATTEMPT_SECONDS, seconds), self.rest)


async def test_a_request_carries_its_total_timeout(autojump_clock: trio.testing.MockClock) -> None:
    below, now = Below(), trio.current_time()

    await below.total(2.5)(request())

    (expiry,) = below.expiries
    assert expiry is not None
    assert (expiry.at, type(expiry.error()), below.told) == (now + 2.5, TotalTimeout, [])
    assert str(expiry.error()) == (
        "exceeded 2.5 s to /svc/web while waiting for a response for the request, including retries (if applicable)"
    )


async def test_an_attempt_carries_its_own_timeout_and_the_request_gets_its_own_back(
    autojump_clock: trio.testing.MockClock,
) -> None:
    below, now = Below(), trio.current_time()
    asked = request()
    total = asked.context.expiry = Expiry(now + 5.0, TotalTimeout, "total")

    await below.attempt(2.5)(asked)

    (expiry,) = below.expiries
    assert expiry is not None
    assert (expiry.at, type(expiry.error()), asked.context.expiry) == (now + 2.5, AttemptTimeout, total)
    assert str(expiry.error()) == (
        "exceeded 2.5 s to 10.0.0.1:80 while waiting for a response for an individual request, excluding retries"
    )


async def test_every_attempt_has_as_long_and_tells_the_next_hop_anew(autojump_clock: trio.testing.MockClock) -> None:
    below, now = Below(), trio.current_time()
    service, asked = below.attempt(2.0), request()
    asked.context.expiry = Expiry(now + 3.0, TotalTimeout, "total")

    await service(asked)
    autojump_clock.jump(2.0)
    await service(asked)

    assert [expiry and expiry.at for expiry in below.expiries] == [now + 2.0, now + 3.0]
    assert below.told == [now + 2.0, now + 3.0]


async def test_a_timeout_that_is_later_than_what_the_request_carries_changes_nothing() -> None:
    below, asked = Below(), request()
    deadline = asked.context.expiry = Expiry(trio.current_time(), DeadlineExceeded, "deadline", stays=True)

    await below.total(1.0)(asked)
    await below.attempt(1.0)(asked)

    assert below.expiries == [deadline, deadline]


async def test_a_request_that_fails_gets_its_own_expiry_back() -> None:
    below, asked = Below(), request()
    below.rest.answer = raising(ConnectFailed("refused"))

    with pytest.raises(ConnectFailed):
        await below.attempt(1.0)(asked)

    assert asked.context.expiry is None


@pytest.mark.parametrize("module", [total_timeout, attempt_timeout])
def test_nothing_is_built_without_a_timeout(module: Any) -> None:
    below = Below()

    built = module(PARAMS, below.rest)

    assert built is below.rest.services[0]
