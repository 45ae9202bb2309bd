"""Calls of all shapes at once, many of which are cancelled, late or retried: each is accounted for, and nothing stays open."""

import random
import time
from collections import Counter

import grpc
import pytest
import trio

from tests.e2e.grpc_peers import CHAT, SPLIT, UNARY, backend, client
from tests.plugins.rest import numbers
from tests.proxies import one, proxy, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

CALLERS, CALLS = 6, 60
SECONDS = 60.0
BUDGET = {"retries": {"budget": {"minRetriesPerSec": 1000}}}
KEPT = ("pending", "open_streams")


def _call(channel: grpc.Channel, source: random.Random, key: str) -> str:
    """Make a call of a random kind; return what it came to."""
    match source.choice(["unary", "unary", "cancelled", "given up", "stream", "chat", "retried", "late"]):
        case "unary":
            channel.unary_unary(UNARY)(bytes(source.choice([0, 10, 100_000])), SECONDS)
        case "cancelled":
            call = channel.unary_unary(UNARY).future(b"", SECONDS, [("x-wait", "yes")])
            time.sleep(source.random() / 100)
            call.cancel()
            return "CANCELLED"
        case "given up":
            stream = channel.unary_stream(SPLIT)(bytes(3000), SECONDS, [("x-piece", "7")])
            for _answer, _number in zip(stream, range(source.randrange(10)), strict=False):
                pass
            stream.cancel()
            return "CANCELLED"
        case "stream":
            list(channel.unary_stream(SPLIT)(bytes(100), SECONDS))
        case "chat":
            list(channel.stream_stream(CHAT)(iter([b"a"] * 20), SECONDS))
        case "retried":
            told = [("x-fail", "UNAVAILABLE"), ("x-times", "1"), ("x-key", key)]
            channel.unary_unary(UNARY)(b"", SECONDS, told)
        case "late":
            channel.unary_unary(UNARY)(b"", 0.02, [("x-wait", "yes")])
    return "OK"


def _calls(channel: grpc.Channel, seed: int) -> Counter[str]:
    source, came = random.Random(seed), Counter[str]()
    for number in range(CALLS):
        try:
            came[_call(channel, source, f"{seed}-{number}")] += 1
        except grpc.RpcError as error:
            came[error.code().name] += 1
    return came


async def test_every_call_is_accounted_for_and_nothing_stays_open() -> None:
    came = Counter[str]()
    async with (
        backend() as server,
        proxy(stacks(one(server.port, protocol="grpc", service=BUDGET))) as running,
        client(running.ports[0]) as caller,
    ):

        async def call(seed: int) -> None:
            came.update(await caller.run(lambda: _calls(caller.channel, seed)))

        async with trio.open_nursery() as nursery:
            for seed in range(CALLERS):
                nursery.start_soon(call, seed)

        def open_now() -> float:
            found = numbers(running.linker.metrics, "rt/grpc")
            return sum(number for name, number in found.items() if name.rpartition("/")[2] in KEPT)

        await until(lambda: open_now() == 0)
        found = numbers(running.linker.metrics, "rt/grpc")

    assert set(came) <= {"OK", "CANCELLED", "DEADLINE_EXCEEDED"}
    server_side = {name: found[f"server/127.0.0.1/0/{name}"] for name in ("success", "failures", "client_gone")}
    assert sum(server_side.values()) == found["server/127.0.0.1/0/requests"]
    assert found["server/127.0.0.1/0/requests"] <= CALLERS * CALLS
    succeeded = sum(number for name, number in found.items() if name.endswith("/status/OK"))
    assert came["OK"] <= succeeded <= CALLERS * CALLS
