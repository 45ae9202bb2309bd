"""Messages that are no calls; tests/conformance/mux has Finagle's."""

import contextlib

import pytest

from mesh_plugins.mux.messages import Control, Discarded, Error, Init, Lease, Message, decode, drain, ping
from mesh_plugins.mux.wire import RDISCARDED, RINIT, TDRAIN, TPING, Undecodable

MESSAGES: list[Message] = [
    Control(TPING, 1),
    Control(RDISCARDED, 0x7FFFFF),
    Discarded(7, "nobody waits ☺"),
    Lease(5000),
    Init(RINIT, 1, 1, ((b"a", b"b"), (b"", b""))),
    Error(5, "what?"),
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    assert decode(message.encode()[4:]) == message


@pytest.mark.parametrize("message", MESSAGES)
def test_a_message_that_is_cut_short_raises_nothing_else(message: Message) -> None:
    data = message.encode()[4:]
    for size in range(len(data)):
        with contextlib.suppress(Undecodable):
            assert decode(data[:size]) is not None


@pytest.mark.parametrize("data", ["80000005616263", "7f000005616263"])
def test_both_numbers_of_an_error_are_understood(data: str) -> None:
    assert decode(bytes.fromhex(data)) == Error(5, "abc")


@pytest.mark.parametrize("data", ["42000000000007", "c2000000000007"])
def test_both_numbers_of_a_call_given_up_are_understood(data: str) -> None:
    assert decode(bytes.fromhex(data)) == Discarded(7, "")


def test_a_negative_length_of_a_header_is_refused() -> None:
    with pytest.raises(Undecodable, match="a length of -1"):
        decode(bytes.fromhex("440000010001ffffffff"))


def test_a_text_that_is_no_utf8_is_shown_all_the_same() -> None:
    assert decode(b"\x80\x00\x00\x05\xff") == Error(5, "\ufffd")


def test_frames_that_are_always_the_same() -> None:
    assert (drain(), ping()) == (Control(TDRAIN, 1).encode(), Control(TPING, 1).encode())
