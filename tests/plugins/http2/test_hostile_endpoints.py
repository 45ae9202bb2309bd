"""What an endpoint may do wrong, on one of the streams of a session or with the whole connection, and whom it harms."""

import attrs
import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Life, MeshError
from mesh.testing import memory_connections
from mesh_plugins.http2.engine import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
)
from mesh_plugins.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    write_goaway,
    write_reset,
    write_settings,
    write_window_update,
)
from mesh_plugins.http2.session import Http2Session
from tests.plugins.http2.calling import calling
from tests.plugins.http2.driving import block, frame, frames_of
from tests.plugins.http2.pairs import CLIENTS
from tests.plugins.http2.test_session import request

MOST = 2**31 - 1
WHOLE = END_HEADERS | END_STREAM


def head(stream: int, status: bytes, *fields: tuple[bytes, bytes], flags: int = END_HEADERS) -> bytes:
    return frame(HEADERS, flags, stream, block((b":status", status), *fields))


def data(stream: int, content: bytes, flags: int = 0) -> bytes:
    return frame(DATA, flags, stream, content)


def number(value: int) -> bytes:
    return value.to_bytes(4)


@attrs.define
class Outcome:
    """What became of two calls, and what the endpoint was told: by resets of its streams, and at the end."""

    first: str
    second: str
    resets: list[tuple[int, int]]
    goaways: list[int]


async def called(session: Http2Session, request: HttpRequest, into: list[str]) -> None:
    try:
        reply = await session(request)
        assert isinstance(reply, HttpReply)
        content = b""
        try:
            while piece := await reply.body.receive():
                content += piece
        except MeshError as error:
            into.append(f"{reply.status}, then {type(error).__name__}")
        else:
            into.append(f"{reply.status} {content.decode()}")
        await reply.aclose()
    except MeshError as error:
        into.append(type(error).__name__ + (" to be repeated" if error.retryable else ""))


async def harm(engine: str, *hostile: bytes, body: bytes = b"") -> Outcome:
    """Let two calls begin, have the endpoint do something hostile to the first one, and answer the second one."""
    near, far = memory_connections()
    said = bytearray()
    outcomes: tuple[list[str], list[str]] = ([], [])
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "test")
        session = Http2Session(near, CLIENTS[engine], calling(), life)

        async def listen() -> None:
            while heard := await far.receive_some():
                said.extend(heard)

        nursery.start_soon(listen)
        nursery.start_soon(called, session, request("POST", body=body) if body else request(), outcomes[0])
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(called, session, request(), outcomes[1])
        await trio.testing.wait_all_tasks_blocked()
        try:
            await far.send_all(write_settings({}))
            for piece in hostile:
                await far.send_all(piece)
                await trio.testing.wait_all_tasks_blocked()
            await far.send_all(head(3, b"200") + data(3, b"good", END_STREAM))
        except trio.BrokenResourceError:
            pass
        await trio.testing.wait_all_tasks_blocked()
        frames = frames_of(bytes(said[24:]))
        life.close()
        nursery.cancel_scope.cancel()
    codes = [(stream, int.from_bytes(payload)) for kind, _, stream, payload in frames if kind == RST_STREAM]
    goaways = [int.from_bytes(payload[4:8]) for kind, _, _, payload in frames if kind == GOAWAY]
    first, second = (what[0] if what else "waits" for what in outcomes)
    return Outcome(first, second, codes, goaways)


BEGUN = head(1, b"200")
WRONG = "UpstreamProtocolError"
LATE = f"200, then {WRONG}"

ON_ITS_STREAM = {
    "interim replies without end": (head(1, b"103", (b"link", b"x")) * 200, WRONG, ENHANCE_YOUR_CALM),
    "an interim reply after the final one": (BEGUN + head(1, b"103"), LATE, PROTOCOL_ERROR),
    "an interim reply that ends the stream": (head(1, b"103", flags=WHOLE), WRONG, PROTOCOL_ERROR),
    "a change of protocols": (head(1, b"101"), WRONG, PROTOCOL_ERROR),
    "two final replies": (BEGUN + head(1, b"200", flags=WHOLE), LATE, PROTOCOL_ERROR),
    "trailers that end nothing": (BEGUN + frame(HEADERS, END_HEADERS, 1, block((b"a", b"b"))), LATE, PROTOCOL_ERROR),
    "a body before the head": (data(1, b"x"), WRONG, PROTOCOL_ERROR),
    "a body before the final head": (head(1, b"103") + data(1, b"x", END_STREAM), WRONG, PROTOCOL_ERROR),
    "more than announced": (head(1, b"200", (b"content-length", b"1")) + data(1, b"xy"), LATE, PROTOCOL_ERROR),
    "less than announced": (
        head(1, b"200", (b"content-length", b"3")) + data(1, b"xy", END_STREAM),
        LATE,
        PROTOCOL_ERROR,
    ),
    "trailers before all that was announced": (
        head(1, b"200", (b"content-length", b"3")) + data(1, b"xy") + frame(HEADERS, WHOLE, 1, block((b"a", b"b"))),
        LATE,
        PROTOCOL_ERROR,
    ),
    "nothing of what was announced": (head(1, b"200", (b"content-length", b"3"), flags=WHOLE), WRONG, PROTOCOL_ERROR),
    "204 with a body": (head(1, b"204") + data(1, b"x"), f"204, then {WRONG}", PROTOCOL_ERROR),
    "two lengths": (head(1, b"200", *[(b"content-length", b"1")] * 2), WRONG, PROTOCOL_ERROR),
    "a head without a status": (frame(HEADERS, END_HEADERS, 1, block((b"a", b"b"))), WRONG, PROTOCOL_ERROR),
    "a field of HTTP/1.1's framing": (head(1, b"200", (b"transfer-encoding", b"chunked")), WRONG, PROTOCOL_ERROR),
    "a field with a second one inside": (head(1, b"200", (b"a", b"b\r\nc: d")), WRONG, PROTOCOL_ERROR),
    "too many fields": (head(1, b"200", *[(b"a", b"b")] * 1500), WRONG, ENHANCE_YOUR_CALM),
    "a window that is too large": (write_window_update(1, MOST), WRONG, FLOW_CONTROL_ERROR),
    "a window wider by nothing": (write_window_update(1, 0), WRONG, PROTOCOL_ERROR),
    "more than its window": (BEGUN + data(1, bytes(16384)) * 5, LATE, FLOW_CONTROL_ERROR),
}
ON_THE_CONNECTION = {
    "a push": (frame(PUSH_PROMISE, END_HEADERS, 1, number(2) + block((b":method", b"GET"))), PROTOCOL_ERROR),
    "no HPACK": (frame(HEADERS, END_HEADERS, 1, b"\xff\xff\xff\xff\xff\xff"), COMPRESSION_ERROR),
    "a window that is too large": (write_window_update(0, MOST), FLOW_CONTROL_ERROR),
    "a window wider by nothing": (write_window_update(0, 0), PROTOCOL_ERROR),
    "windows that are too large": (write_settings({INITIAL_WINDOW_SIZE: MOST + 1}), FLOW_CONTROL_ERROR),
    "a stream that nobody opened": (head(5, b"200"), PROTOCOL_ERROR),
    "a body of no stream": (data(0, b"x"), PROTOCOL_ERROR),
    "padding longer than its frame": (BEGUN + frame(DATA, 8, 1, b"\x05ab"), PROTOCOL_ERROR),
    "a frame that is too long": (frame(DATA, 0, 1, bytes(16385))[:9], FRAME_SIZE_ERROR),
    "a head after the end": (head(1, b"200", flags=WHOLE) * 2, STREAM_CLOSED),
}
FLOODS = {
    "heads that do not end": frame(HEADERS, 0, 1, block((b":status", b"200"))) + frame(9, 0, 1, bytes(100)) * 3000,
    "frames without content": BEGUN + data(1, b"") * 500,
    "pings": frame(PING, 0, 0, bytes(8)) * 5000,
    "settings": frame(SETTINGS, 0, 0) * 5000,
    "windows": write_window_update(0, 1) * 3000,
    "frames that do nothing": frame(42, 0, 0) * 3000,
}
IN_ORDER = {
    "a reset that asks for no more of the request": (
        head(1, b"200") + data(1, b"done", END_STREAM) + write_reset(1, NO_ERROR),
        "200 done",
        "200 good",
    ),
    "a reset after the head": (BEGUN + write_reset(1, REFUSED_STREAM), "200, then StreamReset", "200 good"),
    "a reset twice": (write_reset(1, 8) * 2, "StreamReset", "200 good"),
    "a body after a reset": (write_reset(1, 8) + data(1, b"x"), "StreamReset", "200 good"),
    "a window after the end": (head(1, b"200", flags=WHOLE) + write_window_update(1, 5), "200 ", "200 good"),
    "a goodbye to all": (
        write_goaway(0, NO_ERROR, b""),
        "StreamReset to be repeated",
        "StreamReset to be repeated",
    ),
    "a goodbye up to a stream that is none of ours": (
        write_goaway(2, NO_ERROR, b"") + BEGUN + data(1, b"one", END_STREAM),
        "200 one",
        "StreamReset to be repeated",
    ),
    "a goodbye that is not final": (
        write_goaway(MOST, NO_ERROR, b"") + BEGUN + data(1, b"one", END_STREAM),
        "200 one",
        "200 good",
    ),
    "a goodbye that takes back another one": (
        write_goaway(1, NO_ERROR, b"") + write_goaway(3, NO_ERROR, b"") + BEGUN + data(1, b"one", END_STREAM),
        "200 one",
        "StreamReset to be repeated",
    ),
}


@pytest.mark.parametrize("what", ON_ITS_STREAM)
async def test_what_breaks_a_rule_of_one_stream_harms_no_other(what: str) -> None:
    hostile, first, code = ON_ITS_STREAM[what]

    assert await harm("fast", hostile) == Outcome(first, "200 good", [(1, code)], [])


@pytest.mark.parametrize("what", ON_THE_CONNECTION)
async def test_what_breaks_a_rule_of_the_connection_ends_it_with_a_reason(what: str) -> None:
    hostile, code = ON_THE_CONNECTION[what]

    found = await harm("fast", hostile)

    assert (found.second, found.resets, found.goaways) == (WRONG, [], [code])
    assert found.first in (WRONG, LATE, "200 ")


@pytest.mark.parametrize("what", FLOODS)
async def test_a_flood_ends_the_connection(what: str) -> None:
    found = await harm("fast", FLOODS[what])

    assert (found.second, found.goaways) == (WRONG, [ENHANCE_YOUR_CALM])


@pytest.mark.parametrize("what", IN_ORDER)
async def test_what_is_in_order_harms_only_whom_it_is_for(engine: str, what: str) -> None:
    hostile, first, second = IN_ORDER[what]

    found = await harm(engine, hostile)

    assert (found.first, found.second, found.goaways) == (first, second, [])


@pytest.mark.parametrize("what", [*ON_ITS_STREAM, *ON_THE_CONNECTION])
async def test_the_reference_engine_takes_nothing_that_the_other_refuses(what: str) -> None:
    """It may end more than it must: the library h2 answers most of it with the end of the connection."""
    hostile, *_ = ON_ITS_STREAM.get(what) or ON_THE_CONNECTION[what]

    found = await harm("reference", hostile)

    assert found.first in (WRONG, LATE, f"204, then {WRONG}", "200 ")
    assert found.second in (WRONG, "200 good")
    assert found.resets or found.goaways


async def test_windows_below_zero_are_made_up_for(engine: str) -> None:
    body = bytes(100_000)
    shrunk = write_settings({INITIAL_WINDOW_SIZE: 10})
    widened = write_window_update(1, 200_000) + write_window_update(0, 200_000)
    answer = BEGUN + data(1, b"one", END_STREAM)

    held = await harm(engine, shrunk, body=body)
    sent = await harm(engine, shrunk, widened, answer, body=body)

    assert (held.first, held.second) == ("waits", "200 good")
    assert (sent.first, sent.second, sent.resets, sent.goaways) == ("200 one", "200 good", [], [])
