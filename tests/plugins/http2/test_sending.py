"""How data is sent: windows, the order of those that wait, and the end."""

import struct

import pytest

from mesh import LocalProtocolError
from mesh_plugins.http2.engine import CANCEL, INTERNAL_ERROR, NO_ERROR, PROTOCOL_ERROR
from mesh_plugins.http2.frames import (
    CONTINUATION,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PING,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from mesh_plugins.http2.options import MAX_STREAM
from tests.plugins.http2.driving import Server, feed, frame, get, post, server


def settings(name: int, value: int) -> bytes:
    return frame(SETTINGS, 0, 0, struct.pack(">HI", name, value))


def update(stream: int, increment: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, increment.to_bytes(4))


def answering(*streams: int, window: int = 65535) -> Server:
    """Return a server that has sent the heads of its replies."""
    made = server()
    made.take(settings(INITIAL_WINDOW_SIZE, window), *map(get, streams))
    for stream in streams:
        made.engine.reply(stream, 200, [], None, ends=False)
    made.take()
    return made


def test_the_end_goes_with_the_last_byte() -> None:
    made = answering(1)

    assert made.engine.send_data(1, b"abc", ends=True) == 3
    assert made.take() == [(DATA, END_STREAM, 1, b"abc")]
    assert made.engine.open_streams == 0


def test_the_end_may_go_alone() -> None:
    made = answering(1, window=0)

    assert made.engine.send_data(1, b"", ends=True) == 0
    assert made.take() == [(DATA, END_STREAM, 1, b"")]


def test_large_data_goes_in_frames_that_the_peer_takes() -> None:
    made = answering(1)
    made.take(settings(MAX_FRAME_SIZE, 20000))

    made.engine.send_data(1, bytes(50000), ends=True)

    assert [(flags, len(payload)) for _, flags, _, payload in made.take()] == [
        (0, 20000),
        (0, 20000),
        (END_STREAM, 10000),
    ]


def test_no_more_is_taken_than_the_window_has_room_for() -> None:
    made = answering(1, window=5)

    taken = made.engine.send_data(1, b"abcdefgh", ends=True)

    assert (taken, made.engine.send_data(1, b"fgh", ends=True)) == (5, 0)
    assert made.take() == [(DATA, 0, 1, b"abcde")]
    assert made.take(update(1, 3)) == []
    assert made.notes.exchanges[0].rooms == 1
    assert made.engine.send_data(1, b"fgh", ends=True) == 3


def test_no_more_is_taken_than_the_connection_has_room_for() -> None:
    made = answering(1, 3, window=2**20)

    assert made.engine.send_data(1, bytes(70000), ends=True) == 65535
    assert made.engine.send_data(3, b"a", ends=True) == 0
    made.take()
    made.take(update(0, 100))

    assert [exchange.rooms for exchange in made.notes.exchanges] == [1, 1]


def test_whoever_waited_longest_is_told_first() -> None:
    made = answering(1, 3, 5, window=2**20)
    made.engine.send_data(1, bytes(65535), ends=False)
    order: list[int] = []

    def send(number: int) -> None:
        order.append(number)
        made.engine.send_data(number, b"ab", ends=False)

    for exchange in made.notes.exchanges[::-1]:
        made.engine.send_data(exchange.number, b"a", ends=False)
        exchange.when_room = send
    made.take()

    made.take(update(0, 3))
    made.take(update(0, 3))

    assert order == [5, 3, 1, 3]


def test_a_stream_whose_own_window_is_shut_is_told_when_that_opens() -> None:
    made = answering(1, window=0)
    made.engine.send_data(1, b"a", ends=True)

    made.take(update(0, 1000))
    before = made.notes.exchanges[0].rooms
    made.take(update(1, 1))

    assert (before, made.notes.exchanges[0].rooms) == (0, 1)


def test_a_setting_opens_the_windows_of_those_that_wait() -> None:
    made = answering(1, 3, window=0)
    made.engine.send_data(1, b"a", ends=True)

    made.take(settings(INITIAL_WINDOW_SIZE, 10))

    assert [exchange.rooms for exchange in made.notes.exchanges] == [1, 0]


def test_a_setting_may_make_a_window_negative() -> None:
    made = answering(1, window=100)
    made.engine.send_data(1, bytes(80), ends=False)

    made.take(settings(INITIAL_WINDOW_SIZE, 10))

    assert made.engine.send_data(1, b"abc", ends=True) == 0
    made.take(update(1, 70))
    assert (made.engine.send_data(1, b"abc", ends=True), made.notes.exchanges[0].rooms) == (0, 0)
    made.take(update(1, 2))
    assert (made.engine.send_data(1, b"abc", ends=True), made.notes.exchanges[0].rooms) == (2, 1)


def test_no_more_is_taken_while_enough_waits_to_be_sent() -> None:
    made = answering(1, window=2**30)
    made.take(update(0, 2**30))

    taken = [made.engine.send_data(1, bytes(200000), ends=False) for _ in range(3)]
    assert taken == [200000, 200000, 0]
    assert made.engine.pending() > 400000
    made.engine.take_output()

    assert made.notes.exchanges[0].rooms == 1
    assert made.engine.pending() == 0


def test_what_is_sent_for_a_stream_that_is_gone_counts_as_sent() -> None:
    made = answering(1)
    made.engine.reset(1, CANCEL)
    made.take()

    made.engine.reply(1, 200, [], None, ends=False)
    made.engine.send_trailers(1, [(b"x-a", b"1")])
    made.engine.consumed(1, 5)
    made.engine.reset(1, CANCEL)

    assert made.engine.send_data(1, b"abc", ends=True) == 3
    assert made.take() == []


def test_trailers_end_a_stream() -> None:
    made = answering(1)

    made.engine.send_trailers(1, [(b"x-a", b"1")])

    assert made.take() == [(HEADERS, 5, 1, b"\0\x03x-a\x011")]
    assert made.engine.open_streams == 0


def test_no_trailers_are_the_end_alone() -> None:
    made = answering(1)

    made.engine.send_trailers(1, [])

    assert made.take() == [(DATA, END_STREAM, 1, b"")]


def test_trailers_that_must_not_be_sent_are_refused_and_leave_the_table_right() -> None:
    made = answering(1, 3)
    for _ in range(2):
        made.engine.reply(5, 200, [], None, ends=False)

    for _ in range(2):
        with pytest.raises(LocalProtocolError):
            made.engine.send_trailers(1, [(b"x-a", b"1"), (b":status", b"200")])
    made.engine.send_trailers(3, [(b"x-a", b"1")])

    [(_, _, _, block)] = made.take()
    assert block.startswith(b"\x20\x3f\xe1\x1f")


def test_a_reset_ends_a_stream_and_does_not_call_its_owner() -> None:
    made = server()
    made.take(post(1))

    made.engine.reset(1, NO_ERROR)

    assert made.take() == [(RST_STREAM, 0, 1, NO_ERROR.to_bytes(4))]
    assert (made.engine.open_streams, made.notes.exchanges[0].reset) == (0, None)


def test_an_abandoned_connection_ends_every_stream() -> None:
    made = server()
    made.take(post(1), post(3))

    made.engine.abandon(INTERNAL_ERROR)

    assert [exchange.reset for exchange in made.notes.exchanges] == [(INTERNAL_ERROR, True, False)] * 2
    assert (made.engine.open_streams, feed(made.engine, post(5))) == (0, None)


def test_a_failure_ends_every_stream_and_says_why() -> None:
    made = server()
    made.take(post(1))

    frames = made.take(frame(PING, 0, 1, bytes(8)))

    [(kind, _, _, payload)] = frames
    assert (kind, payload[:8]) == (GOAWAY, (1).to_bytes(4) + PROTOCOL_ERROR.to_bytes(4))
    assert made.notes.exchanges[0].reset == (PROTOCOL_ERROR, False, False)


def test_a_farewell_comes_in_two_steps() -> None:
    made = server()
    made.take(post(1))

    made.engine.go_away(NO_ERROR, last=False)
    warned = made.take(post(3))
    made.engine.go_away(NO_ERROR, last=True)
    ended = made.take(post(5), frame(DATA, END_STREAM, 5, b"a"), frame(DATA, END_STREAM, 3, b"a"))

    assert warned == [(GOAWAY, 0, 0, MAX_STREAM.to_bytes(4) + bytes(4))]
    assert ended == [(GOAWAY, 0, 0, (3).to_bytes(4) + bytes(4)), (RST_STREAM, 0, 5, (7).to_bytes(4))]
    assert [(exchange.number, exchange.content) for exchange in made.notes.exchanges] == [(1, b""), (3, b"a")]


def test_a_head_that_is_longer_than_a_frame_is_sent_in_several() -> None:
    made = server()
    made.take(get(1))

    made.engine.reply(1, 200, [(b"x-%d" % at, b"a" * 1000) for at in range(20)], None, ends=True)

    assert [(kind, flags) for kind, flags, *_ in made.take()] == [(HEADERS, END_STREAM), (CONTINUATION, 4)]
