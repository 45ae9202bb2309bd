"""Many streams that nobody reads, beside one that goes on: on the same connections, with memory bounded by the windows."""

from collections.abc import Callable

import pytest
import trio

from tests.e2e.ending import framed_caller, framed_endpoint
from tests.proxies import Proxy, one, proxy, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

GROWN = 4 << 20  # what the windows of a connection gain while their readers keep up
WINDOWS = 2 * 65536  # of a stream: what came, and what was taken from it to be sent
OUTPUT = 2 * 262144  # what may wait to be written, on both sides
BODY = b"x" * 250_000


def file(port: int) -> str:
    router = one(port, server={"protocols": ["h2"]}, client={"protocol": "h2"})
    return stacks({**router, "protocol": "h2", "label": "http"})


def open_streams(running: Proxy) -> float:
    return sum(value for name, value in running.metrics().items() if name.endswith("stream/open_streams"))


async def still(value: Callable[[], int]) -> None:
    """Wait until nothing more moves."""
    before = -1
    while before != value():
        before = value()
        await trio.sleep(0.1)


async def test_replies_that_one_client_does_not_read_stop_no_other() -> None:
    count = 160
    async with (
        framed_endpoint() as endpoint,
        proxy(file(endpoint.port)) as running,
        framed_caller(running.ports[0]) as other,
    ):
        async with framed_caller(running.ports[0]) as slow:
            first = slow.ask(b"/ok")
            await until(lambda: first.whole, "it is known how many streams may be open")
            calls = [slow.ask(b"/%d" % number) for number in range(count)]
            for call in calls:
                call.deaf = True
            await until(lambda: len(endpoint.calls) == count, "all are asked")
            for served in endpoint.calls:
                served.begin(BODY, ends=True)
            await still(lambda: sum(len(served.half.left) for served in endpoint.calls))
            answers = [other.ask(b"/ok") for _ in range(10)]
            await until(lambda: all(answer.whole for answer in answers), "others are answered")
            sent = sum(len(BODY) - len(served.half.left) for served in endpoint.calls)
            held = sent - sum(call.received for call in calls)
        await until(lambda: open_streams(running) == 0, "nothing is left")

    assert [answer.received for answer in answers] == [2] * 10
    assert len(endpoint.calls) * WINDOWS + OUTPUT + GROWN >= held


async def test_bodies_that_an_endpoint_does_not_read_stop_no_other() -> None:
    count = 100
    async with framed_endpoint() as endpoint, proxy(file(endpoint.port)) as running:
        async with framed_caller(running.ports[0]) as caller:
            calls = [caller.ask(b"/%d" % number, b"POST", BODY) for number in range(count)]
            await until(lambda: len(endpoint.calls) == count, "all are asked")
            await still(lambda: sum(len(call.left) for call in calls))
            answers = [caller.ask(b"/ok", b"POST") for _ in range(10)]
            await until(lambda: all(answer.whole for answer in answers), "others are answered")
            held = sum(len(BODY) - len(call.left) for call in calls)
            held -= sum(served.half.received for served in endpoint.calls)
        await until(lambda: open_streams(running) == 0, "nothing is left")

    assert [answer.received for answer in answers] == [2] * 10
    assert count * WINDOWS + OUTPUT + GROWN >= held
