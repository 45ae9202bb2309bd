"""The published bad inputs of Mux, through a running linker: each a clear answer or the end, and others go on unharmed.

Answered otherwise on purpose is nothing; where a case leaves a choice, the stricter one is made but for these: a connection
lives on after a message out of place, as Finagle's does.
"""

import contextlib
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import yaml

from mesh_plugins.mux.wire import FrameReader, frame
from tests.mux_endpoints import MuxEndpoint, mux_endpoint
from tests.proxies import proxy, stacks

# A case's own shape depends on what it is about.
Case = Any

CASES = [
    pytest.param(case, id=case["id"])
    for case in yaml.safe_load((pathlib.Path(__file__).parent / "bad_inputs.yaml").read_text())
]
PING, PONG = frame(0x41, 0x10203), frame(0xBF, 0x10203)
MANY_TAGS = 1200  # more than may be unfinished
SECONDS = 60.0


@contextlib.asynccontextmanager
async def wired() -> AsyncIterator[tuple[int, MuxEndpoint]]:
    """Run a linker with one endpoint; return its port, and the endpoint."""
    async with mux_endpoint() as endpoint:
        router = {"protocol": "mux", "dtab": f"/svc => /$/inet/127.0.0.1/{endpoint.port};", "servers": [{"port": 0}]}
        async with proxy(stacks(router)) as running:
            yield running.ports[0], endpoint


def octets(step: Case) -> bytes:
    return bytes.fromhex(step["hex"]) * int(step.get("repeat", 1)) if "hex" in step else b""


async def send(client: trio.SocketStream, case: Case) -> None:
    """Send what a case says, and a ping; a linker that has ended the connection meanwhile need not take all of it."""
    with contextlib.suppress(trio.BrokenResourceError):
        for step in case["input"]:
            await client.send_all(octets(step))
        if case["id"] == "mux-fragment-many-tags":
            for tag in range(5, MANY_TAGS):
                await client.send_all(frame(2, 0x800000 | tag, bytes(8)))
        if {"eof": True} in case["input"]:
            await client.send_eof()
        else:
            await client.send_all(PING)


async def everything(client: trio.SocketStream) -> tuple[list[bytes], bool]:
    """Return the frames that come until a ping is answered or the connection ends, and whether it ended."""
    reader, frames = FrameReader(1 << 30), []
    try:
        while data := await client.receive_some():
            frames += reader.feed(data)
            if PONG[4:] in frames:
                return [found for found in frames if found != PONG[4:]], False
    except trio.BrokenResourceError:
        pass
    return frames, True


async def is_served(port: int) -> bool:
    """Return whether another connection gets its call answered."""
    async with await trio.open_tcp_stream("127.0.0.1", port) as client:
        await client.send_all(bytes.fromhex("0000000c020000020000000000006869"))
        return await client.receive_some() == bytes.fromhex("00000009fe0000020000006869")


@pytest.mark.parametrize("case", CASES)
async def test_a_bad_input_harms_nobody_else(case: Case) -> None:
    expect = case["expect"]
    with trio.fail_after(SECONDS):
        async with wired() as (port, endpoint), await trio.open_tcp_stream("127.0.0.1", port) as client:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(send, client, case)
                frames, ended = await everything(client)
            reached = len(endpoint.requests)
            served = await is_served(port)

    failed = [frame for frame in frames if frame[0] == 0x7F or frame[:1] + frame[4:5] == b"\xfe\x01"]
    allowed = {expect["action"], expect.get("or")}
    assert served
    assert reached == expect.get("upstream_requests", reached)
    assert (
        (ended and "close" in allowed)
        or (bool(failed) and "mux_error" in allowed)
        or (not ended and "ignore" in allowed)
        or "either" in allowed
    )
