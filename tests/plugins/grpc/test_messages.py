"""Messages in a body, however it is cut."""

import pytest

from mesh import RemoteProtocolError
from mesh_plugins.grpc.messages import COMPRESSED, TRAILERS, Message, MessageReader, encode

BODY = b"\x00\x00\x00\x00\x02hi\x01\x00\x00\x00\x00\x80\x00\x00\x00\x03a:b"
MESSAGES = [Message(b"hi"), Message(b"", COMPRESSED), Message(b"a:b", TRAILERS)]


def test_a_message_has_a_flag_and_its_length_before_it() -> None:
    assert b"".join(encode(message.content, message.flags) for message in MESSAGES) == BODY


@pytest.mark.parametrize("place", range(len(BODY) + 1))
def test_messages_are_found_wherever_the_body_is_cut(place: int) -> None:
    reader = MessageReader()

    found = reader.feed(BODY[:place]) + reader.feed(BODY[place:])
    reader.end()

    assert found == MESSAGES


def test_messages_are_found_byte_by_byte() -> None:
    reader = MessageReader()

    assert [message for byte in BODY for message in reader.feed(bytes([byte]))] == MESSAGES


def test_a_message_that_is_too_long_is_refused_by_its_prefix() -> None:
    reader = MessageReader(3)

    with pytest.raises(RemoteProtocolError, match="4 bytes is longer than 3") as caught:
        reader.feed(b"\x00\x00\x00\x00\x04")

    assert caught.value.status == 413


def test_a_length_of_four_gib_allocates_nothing() -> None:
    with pytest.raises(RemoteProtocolError, match="longer than 4194304"):
        MessageReader().feed(b"\x00\xff\xff\xff\xffhi")


def test_an_unknown_flag_is_refused() -> None:
    with pytest.raises(RemoteProtocolError, match="0x02"):
        MessageReader().feed(b"\x02\x00\x00\x00\x00")


def test_a_body_that_ends_in_a_message_is_refused() -> None:
    reader = MessageReader()
    reader.feed(BODY[:6])

    with pytest.raises(RemoteProtocolError, match="in the middle"):
        reader.end()
