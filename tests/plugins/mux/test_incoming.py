"""What comes over a connection, as messages."""

import pytest

from mesh_plugins.mux.incoming import Incoming
from mesh_plugins.mux.wire import MORE, RDISPATCH, TPING, Undecodable, frame
from tests.plugins.mux.ends import limits

STREAM = b"".join(
    [frame(RDISPATCH, MORE | 2, b"ab"), frame(TPING, 1), frame(RDISPATCH, 3, b"x"), frame(RDISPATCH, 2, b"cd")]
)
MESSAGES = [frame(TPING, 1)[4:], frame(RDISPATCH, 3, b"x")[4:], frame(RDISPATCH, 2, b"abcd")[4:]]


@pytest.mark.parametrize("cut", range(len(STREAM)))
def test_messages_are_whole_however_the_stream_is_cut(cut: int) -> None:
    incoming = Incoming(limits())

    assert [*incoming.feed(STREAM[:cut]), *incoming.feed(STREAM[cut:])] == MESSAGES


def test_what_came_before_an_error_is_still_good() -> None:
    messages = Incoming(limits()).feed(STREAM + bytes(4))

    assert [next(messages) for _ in MESSAGES] == MESSAGES
    with pytest.raises(Undecodable):
        next(messages)


def test_a_message_that_was_given_up_is_forgotten() -> None:
    incoming = Incoming(limits())
    list(incoming.feed(frame(RDISPATCH, MORE | 2, b"ab")))

    incoming.drop(2)

    assert list(incoming.feed(frame(RDISPATCH, 2, b"cd"))) == [frame(RDISPATCH, 2, b"cd")[4:]]


def test_one_knows_whether_a_frame_is_whole() -> None:
    incoming = Incoming(limits())

    list(incoming.feed(STREAM[:-1]))

    assert incoming.is_within
