"""What ends an exchange with an endpoint that takes too long."""

import pytest
import trio
import trio.testing

from mesh import AttemptTimeout, DeadlineExceeded, Expiry, HttpRequest, IdleTimeout, Limits, TotalTimeout
from mesh.testing import Trickle, request
from tests.plugins.http1.calling import bench

HOST = {"host": "a"}
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


def bounded(seconds: float, *, deadline: float | None = None, body: Trickle | bytes = b"") -> HttpRequest:
    """Return a request that is waited for so long, and whose own deadline is so far away."""
    made = request("PUT" if body else "GET", headers=HOST, body=body)
    now = trio.current_time()
    stays = None if deadline is None else Expiry(now + deadline, DeadlineExceeded, "past its deadline", stays=True)
    made.context.expiry = Expiry(now + seconds, AttemptTimeout, "too slow", before=stays)
    return made


async def test_an_endpoint_that_says_nothing_is_waited_for_until_the_expiry(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = await it.call(bounded(2.0)).ended()

    assert isinstance(call.error, AttemptTimeout)
    assert str(call.error) == "too slow"
    assert trio.current_time() == pytest.approx(2.0, abs=0.1)
    assert it.session.closed


async def test_an_endpoint_that_dribbles_a_head_is_waited_for_no_longer(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = it.call(bounded(2.0))
        await it.endpoint.send(b"HTTP/1.1 200 OK\r\n")
        await trio.sleep(1.5)
        await it.endpoint.send(b"x-slow: 1\r\n")
        await call.ended()

    assert isinstance(call.error, AttemptTimeout)
    assert trio.current_time() == pytest.approx(2.0, abs=0.1)


async def test_an_idle_time_that_ends_first_is_still_an_idle_timeout(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=1)) as it:
        call = await it.call(bounded(2.0)).ended()

    assert isinstance(call.error, IdleTimeout)


async def test_sending_a_body_that_keeps_coming_does_not_move_the_expiry(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def slowly() -> bytes:
        await trio.sleep(0.5)
        return b"x"

    body = Trickle(size=100)
    body.receive = slowly  # type: ignore[method-assign]  # a client that sends for ever

    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = await it.call(bounded(2.0, body=body)).ended()

    assert isinstance(call.error, AttemptTimeout)
    assert trio.current_time() == pytest.approx(2.0, abs=0.1)


async def test_once_the_head_has_come_a_timeout_has_nothing_more_to_say(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = it.call(bounded(2.0))
        await it.endpoint.head()
        await it.endpoint.send(HEAD)
        for _ in range(4):
            await trio.sleep(1.5)
            await it.endpoint.send(b"x")
        await call.ended()

    assert (call.error, call.body) == (None, b"xxxx")


async def test_a_deadline_holds_to_the_last_byte(autojump_clock: trio.testing.MockClock) -> None:
    async with bench(Limits(stream_idle_timeout_s=30)) as it:
        call = it.call(bounded(2.0, deadline=5.0))
        await it.endpoint.head()
        await it.endpoint.send(HEAD)
        for _ in range(3):
            await trio.sleep(1.5)
            await it.endpoint.send(b"x")
        await call.ended()

    assert isinstance(call.error, DeadlineExceeded)
    assert call.body == b"xxx"
    assert trio.current_time() == pytest.approx(5.0, abs=0.1)
    assert it.session.closed


async def test_what_is_late_already_is_not_sent_and_the_connection_stays_free() -> None:
    async with bench() as it:
        late = request(headers=HOST)
        late.context.expiry = Expiry(trio.current_time(), TotalTimeout, "too late")
        call = await it.call(late).ended()
        again = it.call(request(headers={"host": "b"}))
        sent = await it.endpoint.head()
        await it.endpoint.send(HEAD + b"done")
        await again.ended()

    assert isinstance(call.error, TotalTimeout)
    assert (sent, again.body) == (b"GET / HTTP/1.1\r\nhost: b\r\n\r\n", b"done")
    assert it.endpoint.changes == [True, True]
