from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from mesh.cli.demo.town import SERVICES, Town
from mesh.codec import Switch
from mesh.http import HttpReply, HttpRequest
from mesh.transport import Connection


async def serve(connection: Connection, _switch: Switch) -> None:
    connection.close()


@asynccontextmanager
async def town() -> AsyncIterator[Town]:
    async with trio.open_nursery() as nursery:
        yield Town(nursery, serve)
        nursery.cancel_scope.cancel()


async def ask(town: Town, backend: str, target: bytes = b"/", method: bytes = b"GET") -> tuple[int, str]:
    reply: HttpReply = await town.backends[backend].service(HttpRequest(method, target, []))
    return reply.status, (await reply.body.receive()).decode().strip()


async def test_every_service_is_made_up_of_backends() -> None:
    async with town() as built:
        assert {name for names in SERVICES.values() for name in names} == set(built.backends)


async def test_backends_say_who_they_are() -> None:
    async with town() as built:
        assert await ask(built, "web-v2") == (200, "hello from web, version 2")
        assert await ask(built, "fast-1") == (200, "hello from fast, the first of two")


@pytest.mark.parametrize(
    ("target", "seconds", "answer"),
    [
        (b"/", 0.5, (200, "hello from slow, after 0.5 s")),
        (b"/?seconds=7", 7.0, (200, "hello from slow, after 7 s")),
        (b"/?seconds=1e9", 60.0, (200, "hello from slow, after 60 s")),
        (b"/?seconds=-1", 0.0, (200, "hello from slow, after 0 s")),
        (b"/?seconds=soon", 0.0, (400, "?seconds= takes a number")),
    ],
)
async def test_slow_takes_as_long_as_it_is_told_to(
    target: bytes, seconds: float, answer: tuple[int, str], autojump_clock: trio.testing.MockClock
) -> None:
    async with town() as built:
        assert await ask(built, "slow", target) == answer
        assert trio.current_time() == seconds


async def test_flaky_refuses_every_other_request_in_a_way_that_is_safe_to_repeat() -> None:
    async with town() as built:
        reply: HttpReply = await built.backends["flaky"].service(HttpRequest(b"GET", b"/", []))

        assert (reply.status, (b"finagle-http-nack", b"true") in reply.headers) == (503, True)
        assert [(await ask(built, "flaky"))[0] for _number in range(3)] == [200, 503, 200]


async def test_control_stops_and_starts_a_backend() -> None:
    async with town() as built:
        built.start()

        assert await ask(built, "control", b"/stop/fast-1", b"POST") == (200, "fast-1 is stopped")
        assert not built.backends["fast-1"].is_running
        await trio.testing.wait_all_tasks_blocked()
        assert await ask(built, "control", b"/start/fast-1", b"POST") == (200, "fast-1 runs")
        assert built.backends["fast-1"].is_running


@pytest.mark.parametrize(
    ("method", "target"),
    [
        (b"GET", b"/stop/fast-1"),
        (b"POST", b"/pause/fast-1"),
        (b"POST", b"/stop/nobody"),
        (b"POST", b"/stop/control"),
        (b"POST", b"/"),
    ],
)
async def test_control_says_what_it_understands(method: bytes, target: bytes) -> None:
    async with town() as built:
        status, said = await ask(built, "control", target, method)

    assert status == 400
    assert said.startswith("POST /stop/NAME or /start/NAME, where NAME is one of web-v1, web-v2, fast-1, ")
