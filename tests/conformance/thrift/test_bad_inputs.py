"""Bad input from Thrift clients, through a running proxy: whole, and cut in two at several places."""

import pathlib
from typing import Any

import pytest
import trio
import yaml

from tests.e2e.raw import RawConnection
from tests.e2e.stubs import stub
from tests.e2e.thrift_peers import (
    CALL,
    EXCEPTION,
    ONEWAY,
    REPLY,
    Echo,
    frame,
    kind_and_seqid,
    message,
    next_frame,
    says,
    thrift,
)
from tests.proxies import proxy

# What a case looks like depends on what it is about, so it is `Any` until it is taken apart.
Case = Any

INPUTS = yaml.safe_load((pathlib.Path(__file__).parent / "bad_inputs.yaml").read_text())["inputs"]
CUTS = (0, 2, 6, 15, 22)
GOOD = 9  # the sequence id of the call that is made after each case
CONFUSED = 7


def octets(parts: list[dict[str, Any]]) -> bytes:
    """Return the bytes of a case."""
    return b"".join(
        octets(part["hex_parts"]) if "hex_parts" in part else bytes.fromhex(part["hex"]) * part.get("repeat", 1)
        for part in parts
    )


async def play(case: Case, cut: int, port: int, echo: Echo) -> str:
    """Send a case, and a good call after it; return what is wrong with what came back, if anything is."""
    before = len(echo.calls)
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    client = RawConnection(stream)
    data = octets(case["input"])
    try:
        if cut:
            await client.send(data[:cut])
            await trio.sleep(0.01)
        await client.send(data[cut:])
        await client.send(frame(message(CALL, GOOD)))
    except trio.BrokenResourceError:
        pass  # closed already, which is an answer
    replies = []
    while (reply := await next_frame(client)) is not None:
        replies.append(reply)
        if kind_and_seqid(reply)[1] == GOOD:
            break
    client.close()
    return judge(case["expect"], replies, [call for call in echo.calls[before:] if kind_and_seqid(call)[1] != GOOD])


def judge(expect: Case, replies: list[bytes], calls: list[bytes]) -> str:
    first = replies[0] if replies else b""
    is_alive = bool(replies) and kind_and_seqid(replies[-1]) == (REPLY, GOOD)
    is_refused = (bool(first) and says(first, 7) and is_alive) or not replies
    match expect["action"]:
        case "close":
            good = not replies
        case "thrift_exception":
            good = is_refused
        case "either":
            good = is_refused or (is_alive and len(replies) == 2)
        case "sequence":
            good = is_alive and first[3] == EXCEPTION and len(calls) == 1
        case "forward":
            good = is_alive and len(replies) == 1 and [call[3] for call in calls] == [ONEWAY]
        case other:
            raise AssertionError(f"nobody knows the action {other}")
    good = good and len(calls) == expect.get("upstream_requests", len(calls))
    return "" if good else f"{expect['action']}: replies {[reply.hex() for reply in replies]}, {len(calls)} calls"


@pytest.mark.slow
async def test_every_case_is_handled_and_another_connection_is_unharmed() -> None:
    echo = Echo(confused=CONFUSED)
    wrong = {}
    async with stub(echo) as endpoint, proxy(thrift(endpoint.port)) as running, running.connect() as other:
        for case in INPUTS:
            for cut in CUTS:
                problem = await play(case, cut, running.ports[0], echo)
                await other.send(frame(message(CALL, GOOD)))
                if await next_frame(other) != message(REPLY, GOOD):
                    problem += " another connection was harmed"
                if problem:
                    wrong[f"{case['id']} cut at {cut}"] = problem

    assert wrong == {}
    assert len(INPUTS) == 11
