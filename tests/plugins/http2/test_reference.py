"""What any engine does, tried with the reference engine at both ends."""

import pytest

from mesh import LocalProtocolError
from mesh_plugins.http2.engine import (
    CANCEL,
    ENHANCE_YOUR_CALM,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    ConnectionFailed,
)
from mesh_plugins.http2.options import Options
from tests.plugins.http2.pairs import SERVERS, Owner, Pair

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def test_a_request_and_its_reply_end_a_stream(engine: str) -> None:
    pair = Pair(engine)

    number, owner = pair.ask()
    head = pair.answering.requests[number]
    pair.server.reply(number, 200, [(b"a", b"b")], 2, ends=False)
    pair.server.send_data(number, b"ok", ends=True)
    pair.exchange()

    assert (head.method, head.target, head.scheme, head.headers, head.ends) == (
        b"GET",
        b"/",
        b"http",
        [(b"host", b"a.test")],
        True,
    )
    counted = 0 if engine == "fast" else 2
    assert owner.told == [("reply", 200, [(b"a", b"b")], 2, False), ("data", b"ok", counted, True)]
    assert (pair.client.open_streams, pair.server.open_streams) == (0, 0)


def test_a_body_waits_for_the_window_and_goes_on_when_it_opens(engine: str) -> None:
    pair = Pair(engine, server=Options(stream_window=100))
    number, owner = pair.ask(b"POST", 150, ends=False)

    taken = pair.client.send_data(number, bytes(150), ends=True)
    pair.exchange()
    come = pair.answering.streams[number].told.copy()
    pair.server.consumed(number, 100)
    pair.exchange()

    assert taken == 100
    assert come == [("data", bytes(100), 100, False)]
    assert owner.told == [("room",)]
    assert pair.client.send_data(number, bytes(50), ends=True) == 50


def test_trailers_end_a_reply(engine: str) -> None:
    pair = Pair(engine)
    number, owner = pair.ask()

    pair.server.reply(number, 200, [], None, ends=False)
    pair.server.send_data(number, b"a", ends=False)
    pair.server.send_trailers(number, [(b"grpc-status", b"0")])
    pair.exchange()

    assert owner.told[1:] == [("data", b"a", 1, False), ("trailers", [(b"grpc-status", b"0")])]
    assert pair.client.open_streams == 0


def test_interim_replies_come_before_the_final_one(engine: str) -> None:
    pair = Pair(engine)
    number, owner = pair.ask()

    pair.server.reply(number, 103, [(b"link", b"x")], None, ends=False)
    pair.server.reply(number, 204, [], None, ends=True)
    pair.exchange()

    assert [told[:2] for told in owner.told] == [("reply", 103), ("reply", 204)]


@pytest.mark.parametrize(("code", "unprocessed"), [(CANCEL, False), (REFUSED_STREAM, True)])
def test_a_reset_reaches_the_owner_once(engine: str, code: int, *, unprocessed: bool) -> None:
    pair = Pair(engine)
    number, owner = pair.ask()

    pair.server.reset(number, code)
    pair.exchange()

    assert owner.told == [("reset", code, True, unprocessed)]
    assert (pair.client.open_streams, pair.server.open_streams) == (0, 0)


def test_one_stream_too_many_is_refused_alone(engine: str) -> None:
    pair = Pair(engine, server=Options(max_streams=1))
    pair.ask()

    with pytest.raises(LocalProtocolError):
        pair.ask()
    assert pair.asking.told == [("limit", 1)]


def test_a_goaway_gives_back_what_was_not_begun(engine: str) -> None:
    pair = Pair(engine)
    first, kept = pair.ask()
    pair.server.go_away(NO_ERROR, last=True)
    _second, late = pair.ask(ends=False)

    pair.exchange()
    pair.server.reply(first, 204, [], None, ends=True)
    pair.exchange()

    assert late.told[0][0] == "reset"
    assert late.told[0][3] is True
    assert ("goaway", first, NO_ERROR) in pair.asking.told
    assert kept.told == [("reply", 204, [], None, True)]
    with pytest.raises(LocalProtocolError):
        pair.ask()


def test_a_warning_goaway_takes_what_is_on_its_way(engine: str) -> None:
    pair = Pair(engine)
    pair.server.go_away(NO_ERROR, last=False)

    number, _owner = pair.ask()

    assert number in pair.answering.requests
    assert pair.asking.told[-1] == ("goaway", 2**31 - 1, NO_ERROR)


def test_a_ping_is_answered(engine: str) -> None:
    pair = Pair(engine)

    pair.client.ping(b"12345678")
    pair.exchange()

    assert pair.asking.told[-1] == ("pong", b"12345678")


def test_what_is_no_http2_ends_the_connection_with_goaway(engine: str) -> None:
    pair = Pair(engine)
    _number, owner = pair.ask()

    with pytest.raises(ConnectionFailed) as raised:
        pair.client.feed(bytes(9) + b"\x00\x00\x00\x01\x07\x00\x00\x00\x00")

    assert raised.value.code != NO_ERROR
    assert b"\x07" in pair.client.take_output()
    assert [told[0] for told in owner.told] == ["reset"]


def test_a_malformed_request_ends_its_stream_alone(engine: str) -> None:
    owner = Owner()
    server = SERVERS[engine](owner, Options(), lambda: 0.0)
    server.feed(PREFACE + bytes.fromhex("000000040000000000"))
    server.take_output()

    server.feed(bytes.fromhex("000003010500000001") + bytes.fromhex("828487")[:3])  # no :path but /, no :authority
    server.feed(bytes.fromhex("000001010500000003") + bytes.fromhex("82"))  # nothing but a method

    assert 3 not in owner.requests
    assert server.take_output().endswith(bytes.fromhex("000004030000000003") + PROTOCOL_ERROR.to_bytes(4))


@pytest.mark.parametrize("field", [(b"Upper", b"a"), (b"connection", b"close"), (b"a", b"b\r\nc: d"), (b"a b", b"c")])
def test_what_must_not_be_sent_is_not(engine: str, field: tuple[bytes, bytes]) -> None:
    pair = Pair(engine)
    number, _owner = pair.ask()

    with pytest.raises(LocalProtocolError):
        pair.server.reply(number, 200, [field], 0, ends=True)
    with pytest.raises(LocalProtocolError):
        pair.ask(headers=[field])
    pair.server.reply(number, 200, [], 0, ends=True)

    assert pair.server.pending() > 0


def test_what_is_asked_of_a_stream_that_is_gone_does_nothing(engine: str) -> None:
    pair = Pair(engine)
    number, _owner = pair.ask(b"POST", None, ends=False)
    pair.client.reset(number, ENHANCE_YOUR_CALM)
    pair.exchange()

    pair.server.reply(number, 200, [], None, ends=False)
    taken = pair.server.send_data(number, b"ok", ends=True)
    pair.server.reset(number, CANCEL)

    assert (taken, pair.server.pending()) == (2, 0)
