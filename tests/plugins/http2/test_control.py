"""The frames that carry no message."""

import struct

import pytest

from mesh import Limits
from mesh_plugins.http2.engine import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
)
from mesh_plugins.http2.frames import (
    ACK,
    DATA,
    ENABLE_PUSH,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from mesh_plugins.http2.options import MAX_WINDOW, Options
from tests.plugins.http2.driving import feed, frame, get, pair, post, server


def settings(*values: tuple[int, int]) -> bytes:
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *value) for value in values))


def number(value: int) -> bytes:
    return struct.pack(">I", value)


def test_settings_are_acknowledged() -> None:
    assert server().take(settings((0xFF, 1), (MAX_FRAME_SIZE, 32768))) == [(SETTINGS, ACK, 0, b"")]


def test_an_engine_is_settled_once_its_settings_are_acknowledged() -> None:
    made = server(begun=False)
    assert not made.engine.is_settled

    made = server()

    assert made.engine.is_settled


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(SETTINGS, 0, 0, b"\0\3\0"), FRAME_SIZE_ERROR),
        (frame(SETTINGS, ACK, 0, bytes(6)), FRAME_SIZE_ERROR),
        (frame(SETTINGS, 0, 1), PROTOCOL_ERROR),
        (settings((INITIAL_WINDOW_SIZE, 2**31)), FLOW_CONTROL_ERROR),
        (settings((MAX_FRAME_SIZE, 16383)), PROTOCOL_ERROR),
        (settings((MAX_FRAME_SIZE, 2**24)), PROTOCOL_ERROR),
        (settings((ENABLE_PUSH, 2)), PROTOCOL_ERROR),
        (settings((8, 2)), PROTOCOL_ERROR),
        (frame(PING, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
        (frame(PING, 0, 1, bytes(8)), PROTOCOL_ERROR),
        (frame(GOAWAY, 0, 1, bytes(8)), PROTOCOL_ERROR),
        (frame(GOAWAY, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
        (frame(PRIORITY, 0, 0, bytes(5)), PROTOCOL_ERROR),
        (frame(PRIORITY, 0, 1, bytes(4)), FRAME_SIZE_ERROR),
        (frame(PRIORITY, 0, 1, b"\0\0\0\x01\0"), PROTOCOL_ERROR),
        (frame(PUSH_PROMISE, 4, 1, b"\0\0\0\x02\x82"), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 1, number(8)), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 0, number(8)), PROTOCOL_ERROR),
        (frame(RST_STREAM, 0, 1, b"\0"), FRAME_SIZE_ERROR),
        (frame(WINDOW_UPDATE, 0, 1, number(1)), PROTOCOL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, number(0)), PROTOCOL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, number(MAX_WINDOW)), FLOW_CONTROL_ERROR),
        (frame(WINDOW_UPDATE, 0, 0, b"\0"), FRAME_SIZE_ERROR),
    ],
    ids=str,
)
def test_a_frame_that_is_wrong_ends_the_connection(data: bytes, code: int) -> None:
    made = server()

    assert feed(made.engine, data) == code
    assert made.take()[-1][:2] == (GOAWAY, 0)


def test_a_client_takes_no_pushes() -> None:
    ends = pair()

    assert feed(ends.client, frame(PUSH_PROMISE, 4, 1, b"\0\0\0\x02\x82")) == PROTOCOL_ERROR
    assert feed(pair().client, settings((ENABLE_PUSH, 1))) == PROTOCOL_ERROR


def test_a_ping_is_answered_with_its_own_bytes() -> None:
    made = server()

    assert made.take(frame(PING, 0, 0, b"12345678")) == [(PING, ACK, 0, b"12345678")]


def test_the_answer_to_a_ping_is_told() -> None:
    ends = pair()

    ends.client.ping(b"abcdefgh")
    ends.pump()

    assert ends.client_notes.pongs == [b"abcdefgh"]


def test_frames_that_mean_nothing_are_ignored() -> None:
    made = server()

    frames = made.take(frame(42, 0xFF, 0, b"x"), frame(PRIORITY, 0, 9, b"\0\0\0\x01\0"), get(1))

    assert frames == []
    assert len(made.notes.exchanges) == 1


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(frame(PING, 0, 0, bytes(8)), id="ping"),
        pytest.param(settings((INITIAL_WINDOW_SIZE, 1)), id="settings"),
        pytest.param(frame(PRIORITY, 0, 9, b"\0\0\0\x01\0"), id="priority"),
        pytest.param(frame(42, 0, 0), id="unknown"),
        pytest.param(frame(WINDOW_UPDATE, 0, 0, number(1)), id="window of the connection"),
        pytest.param(frame(GOAWAY, 0, 0, bytes(8)), id="goaway"),
    ],
)
def test_a_flood_ends_the_connection(data: bytes) -> None:
    assert feed(server().engine, data * 2000) == ENHANCE_YOUR_CALM


def test_answers_that_are_taken_are_no_flood() -> None:
    made = server()

    for _ in range(20):
        made.take(frame(PING, 0, 0, bytes(8)) * 500)

    assert feed(made.engine, get(1)) is None


def test_windows_may_be_opened_as_often_as_data_is_sent() -> None:
    made = server(Options(limits=Limits(h2_max_window_updates_per_data_frame=1)))
    made.take(settings((INITIAL_WINDOW_SIZE, 1)), get(1))
    made.engine.reply(1, 200, [], None, ends=False)

    for _ in range(100):
        assert made.engine.send_data(1, b"a", ends=False) == 1
        assert made.take(frame(WINDOW_UPDATE, 0, 1, number(1)))[-1] == (DATA, 0, 1, b"a")


def test_a_window_of_a_stream_that_is_too_large_ends_the_stream_alone() -> None:
    made = server()
    made.take(post(1), post(3))

    frames = made.take(frame(WINDOW_UPDATE, 0, 1, number(MAX_WINDOW)), frame(WINDOW_UPDATE, 0, 3, number(0)))

    assert frames == [(RST_STREAM, 0, 1, number(FLOW_CONTROL_ERROR)), (RST_STREAM, 0, 3, number(PROTOCOL_ERROR))]
    assert [exchange.reset for exchange in made.notes.exchanges] == [
        (FLOW_CONTROL_ERROR, False, False),
        (PROTOCOL_ERROR, False, False),
    ]


def test_a_setting_may_make_no_window_too_large() -> None:
    made = server()
    made.take(post(1), frame(WINDOW_UPDATE, 0, 1, number(100000)))

    assert feed(made.engine, settings((INITIAL_WINDOW_SIZE, MAX_WINDOW))) == FLOW_CONTROL_ERROR


def test_a_stream_that_is_gone_makes_no_window_too_large() -> None:
    made = server()
    made.take(post(1), frame(WINDOW_UPDATE, 0, 1, number(100000)), frame(RST_STREAM, 0, 1, number(CANCEL)))

    assert feed(made.engine, settings((INITIAL_WINDOW_SIZE, MAX_WINDOW))) is None


def test_a_reset_is_told_once_and_the_stream_forgotten() -> None:
    made = server()
    made.take(get(1))

    made.take(frame(RST_STREAM, 0, 1, number(CANCEL)), frame(RST_STREAM, 0, 1, number(CANCEL)))

    [exchange] = made.notes.exchanges
    assert exchange.reset == (CANCEL, True, False)
    assert made.engine.open_streams == 0


def test_a_refused_stream_is_unprocessed() -> None:
    ends = pair()
    ours, theirs = ends.open()

    ends.server.reset(theirs.number, REFUSED_STREAM)
    ends.pump()

    assert ours.reset == (REFUSED_STREAM, True, True)


def test_a_goaway_ends_the_streams_that_it_does_not_take() -> None:
    ends = pair()
    first, _ = ends.open()
    second, _ = ends.open()

    feed(ends.client, frame(GOAWAY, 0, 0, number(first.number) + number(NO_ERROR) + b"bye"))

    assert (first.reset, second.reset) == (None, (NO_ERROR, True, True))
    assert ends.client_notes.goaways == [(first.number, NO_ERROR, b"bye")]


def test_the_limit_of_a_server_is_told() -> None:
    ends = pair(server=Options(max_streams=7))

    assert ends.client_notes.limits == [7]
    feed(ends.client, settings((MAX_CONCURRENT_STREAMS, 3)))
    assert ends.client_notes.limits == [7, 3]


def test_a_window_is_opened_by_something_even_if_it_comes_late() -> None:
    made = server()
    made.take(get(1), frame(RST_STREAM, 0, 1, number(CANCEL)))

    assert feed(made.engine, frame(WINDOW_UPDATE, 0, 1, number(0))) == PROTOCOL_ERROR


def test_frames_that_come_late_for_a_stream_are_ignored() -> None:
    made = server()
    made.take(get(1))
    made.engine.reply(1, 204, [], None, ends=True)

    assert feed(made.engine, frame(WINDOW_UPDATE, 0, 1, number(5)), frame(RST_STREAM, 0, 1, number(CANCEL))) is None
