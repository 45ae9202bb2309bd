"""How bytes become frames, and which may come when."""

import pytest

from mesh import Limits
from mesh_plugins.http2.engine import ENHANCE_YOUR_CALM, FRAME_SIZE_ERROR, PROTOCOL_ERROR
from mesh_plugins.http2.frames import (
    ACK,
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HAS_PRIORITY,
    HEADERS,
    PADDED,
    PING,
    PREFACE,
    SETTINGS,
)
from mesh_plugins.http2.options import Options
from tests.plugins.http2.driving import GET, Server, feed, frame, frames_of, get, post, server

START = PREFACE + frame(SETTINGS, 0, 0)


def goaway_code(made: Server) -> int:
    """Return the code of the GOAWAY that ends the output."""
    kind, _, _, payload = frames_of(made.engine.take_output())[-1]
    assert kind == GOAWAY
    return int.from_bytes(payload[4:8])


def test_bytes_may_be_cut_anywhere() -> None:
    data = START + post(1) + frame(DATA, PADDED | END_STREAM, 1, b"\x02hello\0\0") + get(3)
    whole = server(begun=False)
    whole.take(data)

    made = server(begun=False)
    made.take(*(data[at : at + 1] for at in range(len(data))))

    assert [exchange.request for exchange in made.notes.exchanges] == [
        exchange.request for exchange in whole.notes.exchanges
    ]
    assert [exchange.content for exchange in made.notes.exchanges] == [b"hello", b""]


@pytest.mark.parametrize("size", [2, 9, 10, 20, 40, 1000])
def test_frames_may_come_in_pieces_of_any_size(size: int) -> None:
    data = START + post(1) + b"".join(frame(DATA, 0, 1, bytes([number]) * 13) for number in range(20)) + get(3)

    made = server(begun=False)
    made.take(*(data[at : at + size] for at in range(0, len(data), size)))

    assert made.notes.exchanges[0].content == b"".join(bytes([number]) * 13 for number in range(20))
    assert len(made.notes.exchanges) == 2


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", PREFACE[:-1] + b"x", b"P" * 24])
def test_what_is_no_preface_is_refused_at_its_first_wrong_byte(data: bytes) -> None:
    made = server(begun=False)

    code = feed(made.engine, data)

    assert (code, goaway_code(made)) == (PROTOCOL_ERROR, PROTOCOL_ERROR)


@pytest.mark.parametrize(
    "first", [frame(PING, 0, 0, bytes(8)), get(1), frame(SETTINGS, ACK, 0), frame(42, 0, 0)], ids=str
)
def test_the_first_frame_must_be_settings(first: bytes) -> None:
    assert feed(server(begun=False).engine, PREFACE + first) == PROTOCOL_ERROR


def test_a_frame_that_is_too_long_is_refused_before_it_has_come() -> None:
    made = server()

    assert feed(made.engine, frame(DATA, 0, 1, bytes(16385))[:9]) == FRAME_SIZE_ERROR


def test_nothing_is_taken_after_a_failure() -> None:
    made = server()
    feed(made.engine, frame(PING, 0, 0))

    assert feed(made.engine, get(1)) is None
    assert made.notes.exchanges == []


def test_priority_and_padding_are_taken_off_a_head() -> None:
    made = server()

    made.take(frame(HEADERS, END_STREAM | END_HEADERS | PADDED | HAS_PRIORITY, 1, b"\x03\0\0\0\0\x10" + GET + bytes(3)))

    assert [exchange.number for exchange in made.notes.exchanges] == [1]


@pytest.mark.parametrize(
    ("flags", "payload", "code"),
    [
        (PADDED, b"\xff\x82\x86\x84", PROTOCOL_ERROR),
        (PADDED, b"", PROTOCOL_ERROR),
        (HAS_PRIORITY, b"\0\0\0\0", FRAME_SIZE_ERROR),
        (HAS_PRIORITY, b"\0\0\0\x01\0" + GET, PROTOCOL_ERROR),
    ],
)
def test_padding_and_priority_that_are_wrong_end_the_connection(flags: int, payload: bytes, code: int) -> None:
    assert feed(server().engine, frame(HEADERS, END_HEADERS | END_STREAM | flags, 1, payload)) == code


def test_a_head_may_go_on_in_continuations() -> None:
    made = server()

    made.take(frame(HEADERS, END_STREAM, 1, GET[:5]), frame(CONTINUATION, 0, 1, GET[5:7]))
    begun = made.engine.is_in_head
    made.take(frame(CONTINUATION, END_HEADERS, 1, GET[7:]))

    assert (begun, made.engine.is_in_head) == (True, False)
    [exchange] = made.notes.exchanges
    assert exchange.request is not None
    assert exchange.request.ends


@pytest.mark.parametrize(
    "other",
    [
        frame(CONTINUATION, END_HEADERS, 3, GET),
        frame(CONTINUATION, END_HEADERS, 0, GET),
        frame(PING, 0, 0, bytes(8)),
        frame(DATA, 0, 1, b"a"),
        frame(42, 0, 1, b"a"),
        get(3),
    ],
    ids=str,
)
def test_nothing_else_may_come_inside_a_header_block(other: bytes) -> None:
    assert feed(server().engine, frame(HEADERS, END_STREAM, 1, b"\x82") + other) == PROTOCOL_ERROR


def test_a_continuation_must_continue_something() -> None:
    assert feed(server().engine, frame(CONTINUATION, END_HEADERS, 1, GET)) == PROTOCOL_ERROR


@pytest.mark.parametrize("payload", [b"", b"\0\x01a\x01b"])
def test_continuations_without_end_are_ended(payload: bytes) -> None:
    made = server()

    code = feed(
        made.engine, frame(HEADERS, END_STREAM, 1, GET), *(frame(CONTINUATION, 0, 1, payload) for _ in range(100))
    )

    assert (code, made.notes.exchanges) == (ENHANCE_YOUR_CALM, [])


def test_a_header_block_without_end_is_ended() -> None:
    made = server(Options(limits=Limits(h2_max_header_list_bytes=1000)))

    assert feed(made.engine, frame(HEADERS, 0, 1, GET), frame(CONTINUATION, 0, 1, bytes(2000))) == ENHANCE_YOUR_CALM


def test_a_head_needs_a_stream_from_its_first_frame_on() -> None:
    assert feed(server().engine, frame(HEADERS, 0, 0, GET)) == PROTOCOL_ERROR
