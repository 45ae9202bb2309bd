"""Bad input from endpoints, over connections of one call and of several: whoever called is told, and nobody else is harmed."""

import struct
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest
import trio
from trio.testing import MockClock

from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding
from mesh_plugins.thrift.ttwitter import agrees, asks
from tests.e2e.raw import Incomplete, RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.thrift_peers import CALL, EXCEPTION, REPLY, frame, kind_and_seqid, message, next_frame, says, thrift
from tests.proxies import Proxy, proxy

INTERNAL_ERROR = 6
MOST = 65536  # bytes of a frame
WAYS = (1, 8)  # calls that a connection carries
LIMITS = {"thrift_max_frame_bytes": MOST, "header_deadline_s": 0.3, "stream_idle_timeout_s": 0.6}

Bad = Callable[[RawConnection, int], Awaitable[None]]
"""What an endpoint does when it should answer the call with this sequence id; the connection is closed when it returns."""


def named(call: bytes, encoding: Encoding) -> tuple[bytes, int]:
    head = encoding.read_head(call, 0)
    return head.name, head.seqid


@attrs.define(eq=False)
class Misbehaving:
    """The behaviour of an endpoint that answers calls of `echo`, and does something bad with others."""

    bad: Bad
    encoding: Encoding = BINARY
    calls: list[bytes] = attrs.field(factory=list)

    async def __call__(self, _stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            name, seqid = named(call, self.encoding)
            self.calls.append(name)
            if name == b"echo":
                await connection.send(frame(self.encoding.message(REPLY, name, seqid, b"\0")))
                continue
            try:
                await self.bad(connection, seqid)
            except trio.BrokenResourceError:
                return
            return


def client_keys(calls: int, **keys: Any) -> dict[str, Any]:
    return {"thriftCallsPerConnection": calls, "limits": LIMITS, **keys}


async def told(asking: RawConnection, call: bytes) -> bytes:
    await asking.send(frame(call))
    answer = await next_frame(asking)
    assert answer is not None
    return answer


def failures(running: Proxy) -> float:
    """Return how many attempts the breaker took for failures of the endpoint."""
    return sum(
        value
        for name, value in running.every_metric.items()
        if name.startswith("rt/thrift/client/") and name.endswith("/failures") and "/service/" not in name
    )


async def play(bad: Bad, calls: int, *, most_calls: int = 1, **keys: Any) -> bytes:
    """Make a bad call while another is made, and one after it; return what answered the bad one."""
    behave = Misbehaving(bad)
    async with (
        stub(behave) as endpoint,
        proxy(thrift(endpoint.port, client=client_keys(calls, **keys))) as running,
        running.connect() as asking,
        running.connect() as other,
    ):
        assert await told(other, message(CALL, 1)) == message(REPLY, 1)
        answer = await told(asking, message(CALL, 5, name=b"bad"))
        assert await told(asking, message(CALL, 6)) == message(REPLY, 6)
        assert await told(other, message(CALL, 7)) == message(REPLY, 7)
        assert failures(running) == 1
    assert behave.calls.count(b"bad") <= most_calls
    assert kind_and_seqid(answer) == (EXCEPTION, 5)
    assert says(answer, INTERNAL_ERROR)
    return answer


def replies(octets: Callable[[int], bytes], *, stays: bool = True) -> Bad:
    """Return what sends some bytes, and keeps the connection or closes it."""

    async def bad(connection: RawConnection, seqid: int) -> None:
        await connection.send(octets(seqid))
        while stays and await connection.more():
            pass

    return bad


RESULT = b"\x0b\0\0" + struct.pack(">i", 4) + b"abcd\0"
NONSENSE: dict[str, Callable[[int], bytes]] = {
    "an empty frame": lambda _seqid: b"\0\0\0\0",
    "a negative size": lambda _seqid: b"\xff\xff\xff\xff",
    "the least size": lambda _seqid: b"\x80\0\0\0",
    "an absurd size": lambda _seqid: b"\x7f\xff\xff\xff" + b"x" * 100,
    "one byte too many": lambda _seqid: struct.pack(">i", MOST + 1) + b"x" * 100,
    "HTTP": lambda _seqid: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "another version": lambda seqid: frame(b"\x80\x02" + message(REPLY, seqid, name=b"bad")[2:]),
    "a call": lambda seqid: frame(message(CALL, seqid, name=b"bad")),
    "a one-way call": lambda seqid: frame(message(4, seqid, name=b"bad")),
    "an unknown kind": lambda seqid: frame(message(77, seqid, name=b"bad")),
    "another method": lambda seqid: frame(message(REPLY, seqid, name=b"good")),
    "another sequence id": lambda seqid: frame(message(REPLY, seqid + 1, name=b"bad")),
    "a negative sequence id": lambda seqid: frame(message(REPLY, -seqid, name=b"bad")),
    "compact": lambda seqid: frame(COMPACT.message(REPLY, b"bad", seqid, b"\0")),
    "a name of 2 GiB": lambda _seqid: frame(b"\x80\x01\0\2\x7f\xff\xff\xff"),
    "a negative name": lambda _seqid: frame(b"\x80\x01\0\2\xff\xff\xff\xff"),
    "a part of a head": lambda seqid: frame(message(REPLY, seqid, name=b"bad")[:9]),
    "a head alone, as a whole": lambda _seqid: frame(b"\x80"),
}


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_fails_the_call(what: str, calls: int, idle_clock: MockClock) -> None:
    answer = await play(replies(NONSENSE[what]), calls)

    assert b"UpstreamProtocolError" in answer


@pytest.mark.slow
@pytest.mark.parametrize("calls", WAYS)
async def test_a_reply_that_ends_at_any_byte_fails_the_call(calls: int, idle_clock: MockClock) -> None:
    whole = frame(message(REPLY, 1, RESULT, b"bad"))

    for end in range(len(whole)):

        def part(seqid: int, end: int = end) -> bytes:
            return frame(message(REPLY, seqid, RESULT, b"bad"))[:end]

        answer = await play(replies(part, stays=False), calls)
        assert b"UpstreamBroken" in answer


@pytest.mark.parametrize("calls", WAYS)
async def test_an_endpoint_that_stops_in_a_frame_fails_the_call(calls: int, idle_clock: MockClock) -> None:
    answer = await play(replies(lambda seqid: frame(message(REPLY, seqid, RESULT, b"bad"))[:20]), calls)

    assert b"IdleTimeout" in answer or b"stopped in the middle of a message" in answer


@pytest.mark.parametrize("calls", WAYS)
async def test_an_endpoint_that_says_nothing_fails_the_call(calls: int, idle_clock: MockClock) -> None:
    answer = await play(replies(lambda _seqid: b""), calls)

    assert b"IdleTimeout" in answer


@pytest.mark.parametrize("calls", WAYS)
async def test_a_reply_larger_than_the_limit_fails_the_call(calls: int, idle_clock: MockClock) -> None:
    large = b"\x0b\0\0" + struct.pack(">i", MOST) + bytes(MOST) + b"\0"

    answer = await play(replies(lambda seqid: frame(message(REPLY, seqid, large, b"bad"))), calls)

    assert b"UpstreamProtocolError" in answer


@pytest.mark.parametrize("calls", WAYS)
async def test_a_second_reply_in_the_same_segment_reaches_nobody(calls: int, idle_clock: MockClock) -> None:
    async def twice(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            await connection.send(frame(message(REPLY, kind_and_seqid(call)[1], RESULT)) * 2)

    async with stub(twice) as endpoint, proxy(thrift(endpoint.port, client=client_keys(calls))) as running:
        async with running.connect() as asking:
            for seqid in range(1, 6):
                assert await told(asking, message(CALL, seqid)) == message(REPLY, seqid, RESULT)

        assert len(endpoint.connections) == 5


@pytest.mark.parametrize("calls", WAYS)
async def test_a_reply_while_nothing_was_asked_reaches_nobody(calls: int, idle_clock: MockClock) -> None:
    spoken = trio.Event()

    async def early(_stub: Stub, connection: RawConnection) -> None:
        call = await next_frame(connection)
        assert call is not None
        await connection.send(frame(message(REPLY, kind_and_seqid(call)[1])))
        if not spoken.is_set():
            await trio.sleep(0.05)
            await connection.send(frame(message(REPLY, 6, RESULT)) + frame(message(REPLY, 2, RESULT)))
            spoken.set()
        while await connection.more():
            pass

    async with stub(early) as endpoint, proxy(thrift(endpoint.port, client=client_keys(calls))) as running:
        async with running.connect() as asking:
            assert await told(asking, message(CALL, 5)) == message(REPLY, 5)
            await spoken.wait()
            await trio.sleep(0.05)
            assert await told(asking, message(CALL, 6)) == message(REPLY, 6)

        assert len(endpoint.connections) == 2


@pytest.mark.parametrize("calls", WAYS)
async def test_an_endpoint_that_never_reads_is_given_up(calls: int, idle_clock: MockClock) -> None:
    large = b"\x0b\0\1" + struct.pack(">i", 8 << 20) + bytes(8 << 20) + b"\0"

    async def deaf(stub_: Stub, connection: RawConnection) -> None:
        if len(stub_.connections) > 1:
            await Misbehaving(replies(lambda _seqid: b""))(stub_, connection)
        await trio.sleep_forever()

    keys = client_keys(calls)
    keys["limits"] = {**LIMITS, "thrift_max_frame_bytes": 16 << 20}
    async with (
        stub(deaf) as endpoint,
        proxy(thrift(endpoint.port, client=keys)) as running,
        running.connect() as asking,
    ):
        answer = await told(asking, message(CALL, 5, large, b"bad"))
        assert await told(asking, message(CALL, 6)) == message(REPLY, 6)

    assert says(answer, INTERNAL_ERROR)


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize(
    "broken",
    [
        b"\x18" + b"\xff" * 40 + b"\0",  # the size of a string
        b"\x19\xf8" + b"\xff" * 40 + b"\0",  # the size of a list
        b"\x16" + b"\xff" * 40 + b"\0",  # a number
        b"\x0c" + b"\xff" * 40 + b"\0",  # the number of a field
        b"\x1c" * 100 + b"\0" * 101,  # structs in structs
        b"\x19" + b"\x19" * 100 + b"\x11\0",  # lists in lists
        b"\x1b\xff\xff\xff\xff\x07\x88" + b"\0" * 8,  # a map of 2^31 - 1 pairs
        b"\x1e\0",  # a type that there is not
        b"\x18\x7f" + b"\0",  # a string that goes beyond the end
        b"\x00" + b"JUNK",
    ],
)
async def test_what_cannot_be_written_anew_fails_the_call(
    broken: bytes, is_framed: bool, calls: int, idle_clock: MockClock
) -> None:
    """The client speaks binary, the endpoint compact, so that what is inside a reply matters."""

    async def behave(_stub: Stub, connection: RawConnection) -> None:
        while True:
            try:
                call = await (next_frame(connection) if is_framed else unframed(connection))
            except Incomplete:
                return
            if call is None:
                return
            name, seqid = named(call, COMPACT)
            data = COMPACT.message(REPLY, name, seqid, broken if name == b"bad" else b"\0")
            await connection.send(frame(data) if is_framed else data)

    keys = client_keys(calls, thriftProtocol="compact", thriftFramed=is_framed)
    async with (
        stub(behave) as endpoint,
        proxy(thrift(endpoint.port, client=keys)) as running,
        running.connect() as asking,
    ):
        answered = await told(asking, message(CALL, 5, name=b"bad"))
        if is_framed or broken[-4:] != b"JUNK":
            assert says(answered, INTERNAL_ERROR)
            assert failures(running) == 1
        assert await told(asking, message(CALL, 6)) == message(REPLY, 6)


async def unframed(connection: RawConnection) -> bytes:
    """Return a call without arguments of the compact protocol."""
    head = await connection.exactly(2)
    while (byte := await connection.exactly(1))[0] >= 0x80:
        head += byte
    head += byte
    size = await connection.exactly(1)
    return head + size + await connection.exactly(size[0] + 1)


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\0\0\0\0",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        frame(message(REPLY, 0)),
        frame(message(CALL, 0)),
        frame(agrees(BINARY, 0))[:20],
        frame(agrees(BINARY, 0)) * 2,
    ],
)
async def test_an_endpoint_that_mistakes_the_question_still_gets_the_call(
    answer: bytes, calls: int, idle_clock: MockClock
) -> None:
    got: list[bytes] = []

    async def mistaken(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            if call == asks(BINARY):
                await connection.send(answer)
                return
            got.append(call)
            await connection.send(frame(message(REPLY, kind_and_seqid(call)[1])))

    keys = client_keys(calls, attemptTTwitterUpgrade=True)
    async with stub(mistaken) as endpoint, proxy(thrift(endpoint.port, client=keys)) as running:
        async with running.connect() as asking:
            for seqid in (1, 2):
                assert await told(asking, message(CALL, seqid)) == message(REPLY, seqid)

        assert len(endpoint.connections) == 2
    assert len(got) == 2


@pytest.mark.parametrize("calls", WAYS)
@pytest.mark.parametrize(
    "header",
    [b"", b"\x0f\0\2\x0c\x7f\xff\xff\xff", b"\x63", b"\x0c\0\1" * 100 + b"\0" * 101, b"\x0b\0\1\xff\xff\xff\xff"],
)
async def test_a_header_that_makes_no_sense_fails_the_call(header: bytes, calls: int, idle_clock: MockClock) -> None:
    async def upgraded(_stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            if call == asks(BINARY):
                await connection.send(frame(agrees(BINARY, 0)))
            elif b"bad" in call:
                seqid = struct.unpack(">i", call[-5:-1])[0]
                await connection.send(frame(header + message(REPLY, seqid, name=b"bad")))
            else:
                seqid = struct.unpack(">i", call[-5:-1])[0]
                await connection.send(frame(b"\0" + message(REPLY, seqid)))

    keys = client_keys(calls, attemptTTwitterUpgrade=True)
    async with (
        stub(upgraded) as endpoint,
        proxy(thrift(endpoint.port, client=keys)) as running,
        running.connect() as asking,
    ):
        answered = await told(asking, message(CALL, 5, name=b"bad"))
        assert await told(asking, message(CALL, 6)) == message(REPLY, 6)
        assert failures(running) == 1

    assert says(answered, INTERNAL_ERROR)
    assert b"UpstreamProtocolError" in answered
