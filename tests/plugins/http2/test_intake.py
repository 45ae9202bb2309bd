"""How data is taken in, and windows opened again."""

import pytest

from mesh_plugins.http2.engine import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    FLOW_CONTROL_ERROR,
    PROTOCOL_ERROR,
    STREAM_CLOSED,
)
from mesh_plugins.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PADDED,
    RST_STREAM,
    WINDOW_UPDATE,
)
from mesh_plugins.http2.options import Options
from tests.plugins.http2.driving import POST, block, feed, frame, get, pair, post, server

PIECE = bytes(16384)
SMALL = Options(stream_window=65536, connection_window=131072, unread_windows=2)


def number(value: int) -> bytes:
    return value.to_bytes(4)


def test_data_comes_in_order_and_ends() -> None:
    made = server()

    made.take(post(1), frame(DATA, 0, 1, b"ab"), frame(DATA, END_STREAM, 1, b"c"))

    [exchange] = made.notes.exchanges
    assert (exchange.pieces, exchange.has_ended) == ([b"ab", b"c"], True)


def test_padding_costs_and_is_not_told() -> None:
    made = server(is_slow=True)

    made.take(post(1), frame(DATA, PADDED, 1, b"\x03abc\0\0\0"))

    [exchange] = made.notes.exchanges
    assert (exchange.content, exchange.unread) == (b"abc", [7])


@pytest.mark.parametrize("payload", [b"\xffhi", b"\x03hi", b""])
def test_padding_that_is_too_long_ends_the_connection(payload: bytes) -> None:
    assert feed(server().engine, post(1), frame(DATA, PADDED, 1, payload)) == PROTOCOL_ERROR


def test_empty_frames_that_end_nothing_are_bounded() -> None:
    made = server()

    assert feed(made.engine, post(1), frame(DATA, 0, 1), frame(DATA, 0, 1, b"a"), frame(DATA, 0, 1)) is None
    assert feed(made.engine, frame(DATA, PADDED, 1, b"\x02\0\0")) == ENHANCE_YOUR_CALM


def test_an_empty_frame_may_end_a_stream() -> None:
    made = server()

    made.take(post(1), frame(DATA, END_STREAM, 1))

    assert made.notes.exchanges[0].has_ended


@pytest.mark.parametrize(
    "data",
    [frame(DATA, END_STREAM, 1, b"hi"), frame(DATA, 0, 0, b"hi"), frame(DATA, 0, 2, b"hi")],
    ids=["not opened yet", "stream 0", "a stream of this side"],
)
def test_data_for_a_stream_that_never_was_ends_the_connection(data: bytes) -> None:
    assert feed(server().engine, data) == PROTOCOL_ERROR


def test_data_after_the_end_ends_the_stream() -> None:
    made = server()

    frames = made.take(get(1), frame(DATA, 0, 1, b"a"))

    assert frames == [(RST_STREAM, 0, 1, number(STREAM_CLOSED))]
    assert made.notes.exchanges[0].reset == (STREAM_CLOSED, False, False)


def test_data_after_both_ends_ends_the_connection() -> None:
    made = server()
    made.take(get(1))
    made.engine.reply(1, 204, [], None, ends=True)

    assert feed(made.engine, frame(DATA, 0, 1, b"a")) == STREAM_CLOSED


def test_data_after_the_peers_own_reset_is_answered_by_another() -> None:
    made = server()
    made.take(post(1), frame(RST_STREAM, 0, 1, number(CANCEL)))

    assert made.take(frame(DATA, 0, 1, b"a")) == [(RST_STREAM, 0, 1, number(STREAM_CLOSED))]


def test_data_that_was_on_its_way_when_a_stream_was_reset_is_ignored() -> None:
    made = server()
    made.take(post(1))
    made.engine.reset(1, CANCEL)

    assert made.take(frame(DATA, 0, 1, b"a"), frame(DATA, END_STREAM, 1, b"b")) == [(RST_STREAM, 0, 1, number(CANCEL))]


@pytest.mark.parametrize(
    ("size", "pieces"),
    [(b"10", [b"hi"]), (b"1", [b"GET / "]), (b"0", [b"a"]), (b"3", [b"ab", b"cd"]), (b"3", [b"ab", b""])],
)
def test_a_body_that_is_not_as_long_as_announced_ends_the_stream(size: bytes, pieces: list[bytes]) -> None:
    made = server()
    made.take(frame(HEADERS, END_HEADERS, 1, POST + block((b"content-length", size))))

    for piece in pieces[:-1]:
        made.take(frame(DATA, 0, 1, piece))
    made.take(frame(DATA, END_STREAM, 1, pieces[-1]))

    assert made.notes.exchanges[0].reset == (PROTOCOL_ERROR, False, False)
    assert not made.notes.exchanges[0].has_ended


def test_a_stream_that_is_not_read_stops_alone() -> None:
    made = server(SMALL, is_slow=True)
    made.take(post(1), post(3))

    for _ in range(4):
        made.take(frame(DATA, 0, 1, PIECE))
    too_much = made.take(frame(DATA, 0, 1, b"a"))
    other = made.take(frame(DATA, 0, 3, PIECE))

    assert too_much == [(RST_STREAM, 0, 1, number(FLOW_CONTROL_ERROR))]
    assert [kind for kind, *_ in other] in ([], [WINDOW_UPDATE])
    assert made.notes.exchanges[1].content == PIECE


def test_the_connection_is_opened_again_as_bytes_come() -> None:
    made = server(SMALL, is_slow=True)
    made.take(post(1), post(3))

    frames = [taken for number in (1, 3) for _ in range(4) for taken in made.take(frame(DATA, 0, number, PIECE))]

    assert (
        sum(int.from_bytes(payload) for kind, _, stream, payload in frames if kind == WINDOW_UPDATE and not stream)
        >= 65536
    )


def test_all_that_waits_unread_is_bounded() -> None:
    made = server(SMALL, is_slow=True)
    taken = 0
    code = None

    for stream in range(1, 41, 2):
        feed(made.engine, post(stream))
        for _ in range(4):
            code = code or feed(made.engine, frame(DATA, 0, stream, PIECE))
            taken += 0 if code else len(PIECE)

    assert code == FLOW_CONTROL_ERROR
    assert taken == 2 * 131072


def test_what_was_read_opens_the_window_unless_it_is_wide_open() -> None:
    made = server(is_slow=True)
    made.take(post(1))
    for _ in range(4):
        made.take(frame(DATA, 0, 1, PIECE))

    updates = []
    for _ in range(4):
        made.engine.consumed(1, 16384)
        updates += [
            (stream, int.from_bytes(payload)) for kind, _, stream, payload in made.take() if kind == WINDOW_UPDATE
        ]

    assert updates == [(1, 16384)] * 3


def test_reading_byte_by_byte_does_not_make_a_frame_a_byte() -> None:
    made = server(Options(stream_window=1024), is_slow=True)
    made.take(post(1), frame(DATA, 0, 1, bytes(1024)))

    updates = []
    for _ in range(1024):
        made.engine.consumed(1, 1)
        updates += made.take()

    assert len(updates) <= 8


def test_whatever_became_of_a_stream_its_bytes_are_given_back() -> None:
    made = server(SMALL, is_slow=True)
    for stream in range(1, 401, 2):
        made.take(post(stream), frame(DATA, 0, stream, PIECE))
        exchange = made.notes.exchanges[-1]
        match stream % 3:
            case 0:
                made.take(frame(RST_STREAM, 0, stream, number(CANCEL)))
                made.engine.consumed(stream, 16384)
            case 1:
                made.take(frame(DATA, END_STREAM, stream, b"a"))
                made.engine.reply(stream, 200, [], None, ends=True)
                for cost in exchange.unread:
                    made.engine.consumed(stream, cost)
            case _:
                made.take(frame(DATA, END_STREAM, stream, b"a"))
                made.engine.reply(stream, 200, [], None, ends=True)
                made.engine.reset(stream, CANCEL)

    assert made.engine.open_streams == 0
    assert getattr(made.engine, "_unread") == 0  # noqa: B009  it shows nowhere else until it is too much


def test_a_reply_to_head_has_a_size_and_no_body() -> None:
    ends = pair()
    ours, theirs = ends.open(b"HEAD")

    ends.server.reply(theirs.number, 200, [], 500, ends=True)
    ends.pump()

    assert [(head.size, head.ends) for head in ours.replies] == [(500, True)]
    assert ours.reset is None


def test_a_reply_to_head_with_a_body_ends_the_stream() -> None:
    ends = pair()
    ours, theirs = ends.open(b"HEAD")

    ends.server.reply(theirs.number, 200, [], 500, ends=False)
    ends.server.send_data(theirs.number, b"a" * 500, ends=True)
    ends.pump()

    assert ours.reset == (PROTOCOL_ERROR, False, False)


def test_data_before_the_head_of_a_reply_ends_the_stream() -> None:
    ends = pair()
    ours, _ = ends.open()

    feed(ends.client, frame(DATA, END_STREAM, 1, b"a"))

    assert ours.reset == (PROTOCOL_ERROR, False, False)


def test_a_peer_that_has_not_heard_of_a_small_window_yet_may_use_the_usual_one() -> None:
    made = server(Options(stream_window=16384), begun=False)
    assert (
        feed(made.engine, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", frame(4, 0, 0), frame(HEADERS, END_HEADERS, 1, POST))
        is None
    )

    for _ in range(3):
        made.take(frame(DATA, 0, 1, PIECE))

    assert len(made.notes.exchanges[0].content) == 3 * 16384


@pytest.mark.parametrize("by", ["the client", "the server"])
def test_the_connection_goes_on_after_resets_of_all_that_was_not_read(by: str) -> None:
    made = server(SMALL, is_slow=True)
    streams = range(1, 9, 2)
    for stream in streams:
        made.take(post(stream), *(frame(DATA, 0, stream, PIECE) for _ in range(4)))

    found = []
    for stream in streams:
        if by == "the client":
            found += made.take(frame(RST_STREAM, 0, stream, number(CANCEL)))
        else:
            made.engine.reset(stream, CANCEL)
            found += made.take()

    given = sum(int.from_bytes(payload) for kind, _, id_, payload in found if (kind, id_) == (WINDOW_UPDATE, 0))
    assert given >= SMALL.connection_window // 2


def test_the_window_of_a_stream_whose_reader_keeps_up_grows_up_to_a_bound() -> None:
    made = server(options=Options())
    left = widest = 65536
    made.take(post(1))

    for _ in range(400):
        left -= len(PIECE)
        for kind, _flags, stream, payload in made.take(frame(DATA, 0, 1, PIECE)):
            if (kind, stream) == (WINDOW_UPDATE, 1):
                left += int.from_bytes(payload)
        widest = max(widest, left)

    assert widest == 1 << 20
