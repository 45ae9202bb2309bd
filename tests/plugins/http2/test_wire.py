"""Whole exchanges between the fast engines, and what either side does with what is wrong."""

import pytest

from mesh import Limits, LocalProtocolError
from mesh_plugins.http2.engine import (
    COMPRESSION_ERROR,
    ENHANCE_YOUR_CALM,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    ReplyHead,
    RequestHead,
)
from mesh_plugins.http2.frames import (
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from mesh_plugins.http2.options import Options
from tests.plugins.http2.driving import GET, POST, Exchange, block, feed, frame, frames_of, get, pair, post, server


def number(value: int) -> bytes:
    return value.to_bytes(4)


def test_an_exchange_crosses_whole() -> None:
    ends = pair()

    ours, theirs = ends.open(b"POST", [(b"x-a", b"1")], 5, ends=False)
    ends.client.send_data(ours.number, b"hello", ends=True)
    ends.server.reply(theirs.number, 103, [(b"link", b"x")], None, ends=False)
    ends.server.reply(theirs.number, 200, [(b"x-b", b"2")], None, ends=False)
    ends.server.send_data(theirs.number, b"world", ends=False)
    ends.server.send_trailers(theirs.number, [(b"x-c", b"3")])
    ends.pump()

    assert theirs.request == RequestHead(b"POST", b"/", b"http", [(b"host", b"a.test"), (b"x-a", b"1")], 5, False)
    assert (theirs.content, theirs.has_ended) == (b"hello", True)
    assert ours.replies == [
        ReplyHead(103, [(b"link", b"x")], None, False),
        ReplyHead(200, [(b"x-b", b"2")], None, False),
    ]
    assert (ours.content, ours.trailers) == (b"world", [(b"x-c", b"3")])
    assert (ends.client.open_streams, ends.server.open_streams) == (0, 0)


def test_a_thousand_exchanges_leave_nothing_behind() -> None:
    ends = pair()

    for at in range(1000):
        ours, theirs = ends.open(
            fields=[(b"x-request-id", b"%d" % at), (b"cookie", b"a=1"), (b"x-a", b"%d" % (at // 9))]
        )
        ends.server.reply(theirs.number, 200, [(b"x-b", b"2")], 2, ends=False)
        ends.server.send_data(theirs.number, b"ok", ends=True)
        ends.pump()
        assert ours.replies == [ReplyHead(200, [(b"x-b", b"2")], 2, False)]
        assert (ours.content, ours.has_ended) == (b"ok", True)

    assert (ends.client.open_streams, ends.server.open_streams) == (0, 0)


def test_heads_may_be_changed_by_whoever_gets_them() -> None:
    ends = pair()

    for _ in range(4):
        _, theirs = ends.open(fields=[(b"x-a", b"1")])
        assert theirs.request is not None
        assert theirs.request.headers == [(b"host", b"a.test"), (b"x-a", b"1")]
        theirs.request.headers.clear()


def test_a_request_without_a_body_says_so_where_a_body_is_usual() -> None:
    ends = pair()

    sizes = [ends.open(method, size=0)[1].request for method in (b"GET", b"POST")]

    assert [head and head.size for head in sizes] == [None, 0]


def test_a_client_begins_with_its_preface_and_refuses_pushes() -> None:
    ends = pair()
    client = type(ends.client)(ends.client_notes, Options(), float)

    data = client.take_output()

    assert data.startswith(PREFACE)
    [(kind, _, _, settings), (update, _, stream, _)] = frames_of(data[len(PREFACE) :])
    assert (kind, settings[:6], update, stream) == (SETTINGS, bytes.fromhex("000200000000"), WINDOW_UPDATE, 0)


def test_a_client_may_open_no_more_than_the_server_allows() -> None:
    ends = pair(server=Options(max_streams=2))
    ends.open()
    ends.open()

    with pytest.raises(LocalProtocolError, match="beyond the 2"):
        ends.open()


def test_a_client_opens_nothing_after_a_goaway() -> None:
    ends = pair()
    ends.server.go_away(NO_ERROR, last=False)
    ends.pump()

    with pytest.raises(LocalProtocolError, match="takes no more"):
        ends.open()


def test_a_head_that_must_not_be_sent_is_refused_and_the_next_is_understood() -> None:
    ends = pair()
    for _ in range(3):
        ends.open(fields=[(b"x-a", b"1")])

    for _ in range(3):
        with pytest.raises(LocalProtocolError):
            ends.open(fields=[(b"x-new", b"1"), (b"x-a", b"1"), (b"Connection", b"close")])
    _, theirs = ends.open(fields=[(b"x-new", b"1"), (b"x-a", b"1")])

    assert theirs.request is not None
    assert theirs.request.headers == [(b"host", b"a.test"), (b"x-new", b"1"), (b"x-a", b"1")]
    assert ends.client.open_streams == 4


def test_only_a_client_asks_and_only_a_server_answers() -> None:
    ends = pair()
    head = RequestHead(b"GET", b"/", b"http", [], None, True)

    with pytest.raises(LocalProtocolError):
        ends.client.reply(1, 200, [], None, ends=True)
    with pytest.raises(LocalProtocolError):
        ends.client.upgrade(b"", head)
    with pytest.raises(LocalProtocolError):
        ends.server.open(Exchange(ends.server), b"GET", b"/", b"http", [], None, ends=True)


def test_a_final_head_is_sent_once() -> None:
    made = server()
    made.take(get(1))
    made.engine.reply(1, 200, [], None, ends=False)

    with pytest.raises(LocalProtocolError):
        made.engine.reply(1, 200, [], None, ends=False)


@pytest.mark.parametrize(("status", "ends"), [(101, False), (100, True), (1000, False), (99, False)])
def test_a_reply_that_cannot_be_is_refused(status: int, ends: bool) -> None:  # a parameter of the case
    made = server()
    made.take(get(1))

    with pytest.raises(LocalProtocolError):
        made.engine.reply(1, status, [], None, ends=ends)


def test_a_request_in_http1_becomes_stream_1() -> None:
    made = server(begun=False)
    head = RequestHead(b"GET", b"/", b"http", [(b"host", b"a.test")], None, True)

    made.engine.upgrade(bytes.fromhex("000400000003"), head)
    made.take(PREFACE + frame(SETTINGS, 0, 0))
    made.engine.reply(1, 200, [], None, ends=False)

    assert made.engine.send_data(1, b"hello", ends=True) == 3
    assert made.notes.exchanges[0].request == head
    assert made.take(get(3)) is not None
    assert [exchange.number for exchange in made.notes.exchanges] == [1, 3]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(block((b":method", b"GET")), id="no path"),
        pytest.param(GET + block((b"x-a", b"b\r\nx-evil: 1")), id="a line end"),
        pytest.param(GET + block((b"transfer-encoding", b"chunked")), id="a coding"),
        pytest.param(GET + block((b"content-length", b"5")), id="a size and no body"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_a_malformed_request_ends_its_stream_alone(head: bytes) -> None:
    made = server()

    frames = made.take(frame(HEADERS, END_STREAM | END_HEADERS, 1, head), get(3))

    assert frames == [(RST_STREAM, 0, 1, number(PROTOCOL_ERROR))]
    assert [exchange.number for exchange in made.notes.exchanges] == [3]


def test_a_trace_has_no_body() -> None:
    made = server()
    trace = block((b":method", b"TRACE"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/"))

    frames = made.take(frame(HEADERS, END_HEADERS, 1, trace), frame(HEADERS, END_HEADERS | END_STREAM, 3, trace))

    assert frames == [(RST_STREAM, 0, 1, number(PROTOCOL_ERROR))]
    assert [exchange.number for exchange in made.notes.exchanges] == [3]


def test_what_comes_for_a_request_that_was_over_and_refused_ends_the_connection() -> None:
    made = server()
    made.take(frame(HEADERS, END_STREAM | END_HEADERS, 1, b""))

    assert feed(made.engine, frame(DATA, 0, 1, b"a")) == STREAM_CLOSED


def test_a_head_that_is_too_large_is_answered() -> None:
    made = server(Options(limits=Limits(h2_max_header_list_bytes=300)))
    large = block((b"x-a", b"a" * 300))

    frames = made.take(
        frame(HEADERS, END_STREAM | END_HEADERS, 1, GET + large), frame(HEADERS, END_HEADERS, 3, POST + large), get(5)
    )

    assert [(kind, flags, stream) for kind, flags, stream, _ in frames] == [
        (HEADERS, END_STREAM | END_HEADERS, 1),
        (HEADERS, END_STREAM | END_HEADERS, 3),
        (RST_STREAM, 0, 3),
    ]
    assert b"431" in frames[0][3]
    assert [exchange.number for exchange in made.notes.exchanges] == [5]


@pytest.mark.parametrize("head", ["ff00", "8286844005", "828620844106612e74657374"])
def test_what_is_not_hpack_ends_the_connection(head: str) -> None:
    made = server()

    assert feed(made.engine, frame(HEADERS, END_STREAM | END_HEADERS, 1, bytes.fromhex(head))) == COMPRESSION_ERROR


def test_a_bomb_ends_the_connection() -> None:
    bomb = b"\x40\x01a\x7f\x81\x1e" + b"b" * 4000 + b"\xbe" * 10000

    assert feed(server().engine, frame(HEADERS, END_STREAM | END_HEADERS, 1, bomb)) == ENHANCE_YOUR_CALM


def test_streams_beyond_the_limit_are_refused() -> None:
    made = server(Options(max_streams=1))

    frames = made.take(post(1), get(3))
    late = made.take(frame(DATA, END_STREAM, 1, b"a"))
    made.engine.reply(1, 204, [], None, ends=True)
    made.take(get(5))

    assert (frames, late) == ([(RST_STREAM, 0, 3, number(REFUSED_STREAM))], [])
    assert [exchange.number for exchange in made.notes.exchanges] == [1, 5]


@pytest.mark.parametrize("stream", [0, 2])
def test_a_client_opens_streams_with_odd_numbers(stream: int) -> None:
    assert feed(server().engine, get(stream)) == PROTOCOL_ERROR


def test_the_numbers_of_streams_grow() -> None:
    assert feed(server().engine, get(5), get(3)) == PROTOCOL_ERROR


def test_a_head_after_the_end_of_a_request_ends_the_stream() -> None:
    made = server()

    assert made.take(get(1), get(1)) == [(RST_STREAM, 0, 1, number(STREAM_CLOSED))]


def test_a_head_after_both_ends_ends_the_connection() -> None:
    made = server()
    made.take(get(1))
    made.engine.reply(1, 204, [], None, ends=True)

    assert feed(made.engine, get(1)) == STREAM_CLOSED


@pytest.mark.parametrize(
    ("flags", "payload"),
    [
        pytest.param(END_HEADERS, block((b"x-t", b"1")), id="no end"),
        pytest.param(END_HEADERS | END_STREAM, block((b":path", b"/evil")), id="a pseudo field"),
        pytest.param(END_HEADERS | END_STREAM, block((b"x-t", b"1\n")), id="a line end"),
    ],
)
def test_trailers_that_are_wrong_end_the_stream(flags: int, payload: bytes) -> None:
    made = server()

    frames = made.take(post(1), frame(HEADERS, flags, 1, payload))

    assert frames == [(RST_STREAM, 0, 1, number(PROTOCOL_ERROR))]
    assert made.notes.exchanges[0].reset == (PROTOCOL_ERROR, False, False)


def test_trailers_before_the_announced_end_of_the_body_end_the_stream() -> None:
    made = server()
    head = frame(HEADERS, END_HEADERS, 1, POST + block((b"content-length", b"5")))

    made.take(head, frame(DATA, 0, 1, b"abc"), frame(HEADERS, END_HEADERS | END_STREAM, 1, block((b"x-t", b"1"))))

    assert made.notes.exchanges[0].reset == (PROTOCOL_ERROR, False, False)


def test_trailers_that_are_too_large_end_the_stream() -> None:
    made = server(Options(limits=Limits(max_trailer_bytes=100)))

    made.take(post(1), frame(HEADERS, END_HEADERS | END_STREAM, 1, block((b"x-t", b"1" * 100))))

    assert made.notes.exchanges[0].reset == (ENHANCE_YOUR_CALM, False, False)


@pytest.mark.parametrize(
    ("flags", "payload", "code"),
    [
        pytest.param(END_HEADERS | END_STREAM, block((b":status", b"103")), PROTOCOL_ERROR, id="interim and the end"),
        pytest.param(END_HEADERS, block((b":status", b"101")), PROTOCOL_ERROR, id="101"),
        pytest.param(END_HEADERS, block((b":status", b"200"), (b"x-a", b"b\r\nc: d")), PROTOCOL_ERROR, id="a line end"),
        pytest.param(
            END_HEADERS | END_STREAM,
            block((b":status", b"200"), (b"content-length", b"3")),
            PROTOCOL_ERROR,
            id="a size and no body",
        ),
        pytest.param(
            END_HEADERS, block((b":status", b"200"), (b"x-a", b"a" * 70000)[:2])[:9], COMPRESSION_ERROR, id="cut off"
        ),
    ],
)
def test_a_malformed_reply_is_not_told(flags: int, payload: bytes, code: int) -> None:
    ends = pair()
    ours, _ = ends.open()

    feed(ends.client, frame(HEADERS, flags, ours.number, payload))

    assert (ours.replies, ours.reset) == ([], (code, False, False))


def test_interim_replies_are_bounded() -> None:
    ends = pair()
    ours, theirs = ends.open()

    for _ in range(30):
        ends.server.reply(theirs.number, 103, [], None, ends=False)
    ends.pump()

    assert len(ours.replies) == 20
    assert ours.reset == (ENHANCE_YOUR_CALM, False, False)


def test_a_body_that_is_shorter_than_announced_is_no_whole_reply() -> None:
    ends = pair()
    ours, theirs = ends.open()
    ends.server.reply(theirs.number, 200, [], 10, ends=False)
    ends.server.send_data(theirs.number, b"abc", ends=True)

    ends.pump()

    assert (ours.has_ended, ours.reset) == (False, (PROTOCOL_ERROR, False, False))


def test_a_server_opens_nothing() -> None:
    assert feed(pair().client, frame(HEADERS, END_HEADERS, 2, block((b":status", b"200")))) == PROTOCOL_ERROR
