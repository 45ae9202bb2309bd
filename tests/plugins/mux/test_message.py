"""Calls and answers as values."""

from mesh import Buffered
from mesh_plugins.mux.message import MuxReply, failed
from mesh_plugins.mux.wire import ERROR, NACK


def received() -> MuxReply:
    """Return an answer as it comes: with bytes that do not say what it says, so that one can tell."""
    return MuxReply.received(b"as it came", 0, b"payload", [])


def test_an_answer_is_packed_as_it_came() -> None:
    assert received().pack() == b"as it came"


def test_an_answer_with_another_status_is_packed_anew() -> None:
    reply = received()

    reply.status = ERROR

    assert reply.pack() == b"\x01\x00\x00payload"


def test_an_answer_with_another_body_is_packed_anew() -> None:
    reply = received()

    reply.body = Buffered(b"other")

    assert reply.pack() == b"\x00\x00\x00other"


def test_an_answer_with_other_contexts_is_packed_anew() -> None:
    reply = received()

    reply.contexts = [(b"a", b"b")]

    assert reply.pack() == b"\x00\x00\x01\x00\x01a\x00\x01bpayload"


def test_an_answer_with_one_more_context_is_packed_anew() -> None:
    reply = received()

    reply.contexts.append((b"a", b"b"))

    assert reply.pack() == b"\x00\x00\x01\x00\x01a\x00\x01bpayload"


def test_a_refusal_of_ours_has_no_payload() -> None:
    assert [MuxReply(NACK, b"x").pack_plain(), MuxReply(0, b"x").pack_plain()] == [b"\x02", b"\x00x"]
    assert [MuxReply(NACK, b"x").pack(), MuxReply(0, b"x").pack()] == [b"\x02\0\0", b"\0\0\0x"]


def test_a_failure_has_a_text_and_counts_as_one() -> None:
    reply = failed("no ☺")

    assert (reply.status, reply.body.buffered, reply.outcome) == (ERROR, "no ☺".encode(), False)
