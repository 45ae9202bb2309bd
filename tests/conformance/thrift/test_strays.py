"""What must not cross from one exchange to another: clients that know nothing of each other share connections to endpoints."""

import struct
from typing import Any

import pytest

from mesh_plugins.thrift.message import BINARY, COMPACT
from mesh_plugins.thrift.ttwitter import CAN_TRACE, agrees, asks
from tests.e2e.raw import RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.thrift_peers import (
    CALL,
    EXCEPTION,
    ONEWAY,
    REPLY,
    UNKNOWN_METHOD,
    Echo,
    frame,
    message,
    next_frame,
    says,
    thrift,
)
from tests.proxies import Proxy, proxy, stack

METHOD_UNKNOWN, INVALID_MESSAGE_TYPE, PROTOCOL_ERROR = 1, 2, 7
WAYS = (1, 8)  # calls that a connection carries
TDISPATCH, RDISPATCH = 2, 0xFE
OK, ERROR = 0, 1


async def told(asking: RawConnection, call: bytes) -> bytes:
    await asking.send(frame(call))
    answer = await next_frame(asking)
    assert answer is not None
    return answer


def question(kind: int = CALL) -> bytes:
    """Return what asks for TTwitter, as a message of this kind."""
    return message(kind, 5, name=CAN_TRACE)


async def test_a_one_way_question_for_ttwitter_is_neither_answered_nor_passed_on() -> None:
    echo = Echo()
    async with stub(echo) as endpoint, proxy(thrift(endpoint.port)) as running, running.connect() as asking:
        await asking.send(frame(question(ONEWAY)))
        answer = await told(asking, message(CALL, 6))

    assert answer == message(REPLY, 6)
    assert echo.calls == [message(CALL, 6)]


@pytest.mark.parametrize("kind", [REPLY, EXCEPTION, 77])
async def test_what_is_no_call_does_not_ask_for_ttwitter(kind: int) -> None:
    echo = Echo()
    async with stub(echo) as endpoint, proxy(thrift(endpoint.port)) as running, running.connect() as asking:
        refusal = await told(asking, question(kind))
        answer = await told(asking, message(CALL, 6))

    assert says(refusal, INVALID_MESSAGE_TYPE)
    assert answer == message(REPLY, 6)
    assert echo.calls == [message(CALL, 6)]


@pytest.mark.parametrize("is_upgrading", [False, True])
async def test_a_question_for_ttwitter_on_an_upgraded_connection_is_not_passed_on(is_upgrading: bool) -> None:
    """The endpoint would agree to it, and take what came next over its connection to have headers."""
    echo = Echo()
    keys = {"attemptTTwitterUpgrade": is_upgrading}
    async with (
        stub(echo) as endpoint,
        proxy(thrift(endpoint.port, client=keys)) as running,
        running.connect() as asking,
    ):
        assert await told(asking, asks(BINARY)) == agrees(BINARY, 0)
        refusal = await told(asking, b"\0" + question())
        answer = await told(asking, b"\0" + message(CALL, 6))

    assert says(refusal[1:], METHOD_UNKNOWN)
    assert answer == b"\0" + message(REPLY, 6)
    assert question() not in echo.calls
    assert echo.calls[-1] == message(CALL, 6)


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize("one_ways", [1, 3])
@pytest.mark.parametrize(("kind", "struct_"), [(EXCEPTION, UNKNOWN_METHOD), (REPLY, b"\0")])
async def test_an_answer_to_a_one_way_call_is_not_taken_for_that_of_the_next(
    kind: int, struct_: bytes, one_ways: int, calls: int
) -> None:
    """As Apache's servers answer a method that they do not know; many clients give all calls the sequence id 0."""
    late: list[bytes] = []

    async def behave(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            head = BINARY.read_head(call, 0)
            answer = frame(message(kind if head.kind == ONEWAY else REPLY, head.seqid, struct_, head.name))
            if head.kind == ONEWAY:
                late.append(answer)
            else:
                await connection.send(b"".join(late) + frame(message(REPLY, head.seqid, name=head.name)))
                late.clear()

    async with (
        stub(behave) as endpoint,
        proxy(thrift(endpoint.port, client={"thriftCallsPerConnection": calls})) as running,
        running.connect() as asking,
    ):
        for _turn in range(3):
            for _one_way in range(one_ways):
                await asking.send(frame(message(ONEWAY, 0, name=b"poke")))
            assert await told(asking, message(CALL, 0)) == message(REPLY, 0)

        assert len(endpoint.connections) == 1


def dispatch(tag: int, payload: bytes) -> bytes:
    """Return a call of Mux without anything beside it."""
    return frame(struct.pack(">I", TDISPATCH << 24 | tag) + bytes(6) + payload)


async def answered(asking: RawConnection, tag: int, payload: bytes) -> tuple[int, bytes]:
    """Make a call of Mux; return the status and the payload of what is answered."""
    await asking.send(dispatch(tag, payload))
    answer = await next_frame(asking)
    assert answer is not None
    assert answer[:4] == struct.pack(">I", RDISPATCH << 24 | tag)
    return answer[4], answer[7:]


def failures(running: Proxy) -> list[str]:
    """Return which endpoints are blamed for failures."""
    return [
        name
        for name, value in running.every_metric.items()
        if value and "/client/" in name and name.endswith("/failures")
    ]


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize(
    "payload",
    [
        question(),
        question(ONEWAY),
        message(REPLY, 5),
        COMPACT.message(7, b"echo", 5, b"\0"),
        message(77, 5),
        message(CALL, 5) + message(ONEWAY, 5, name=b"poke"),
        message(CALL, 5) + message(ONEWAY, 5, name=b"poke")[:9],
        message(CALL, 5, b"\x0b\0\1\x7f\xff\xff\xff"),
        message(CALL, 5, b"\x0b\0\1"),
        message(CALL, 5, b"\x63"),
    ],
)
async def test_a_payload_of_mux_is_one_call_of_thrift_and_nothing_else(
    payload: bytes, is_framed: bool, calls: int
) -> None:
    got: list[bytes] = []

    async def behave(_stub: Stub, connection: RawConnection) -> None:
        while True:
            if is_framed:
                call = await next_frame(connection)
                if call is None:
                    return
            else:
                call = await connection.exactly(len(message(CALL, 5)))
            got.append(call)
            reply = message(REPLY, BINARY.read_head(call, 0).seqid)
            await connection.send(frame(reply) if is_framed else reply)

    client: dict[str, Any] = {"protocol": "thrift", "thriftFramed": is_framed, "thriftCallsPerConnection": calls}
    async with stub(behave) as endpoint:
        text = stack(endpoint.port, protocol="thriftmux", client=client, experimental=True)
        async with proxy(text) as running, running.connect() as asking:
            assert await answered(asking, 1, message(CALL, 6)) == (OK, message(REPLY, 6))
            refusal = await answered(asking, 2, payload)
            assert await answered(asking, 3, message(CALL, 7)) == (OK, message(REPLY, 7))
            assert failures(running) == []
            assert len(endpoint.connections) == 1

    assert refusal[0] == ERROR
    assert len(got) == 2
