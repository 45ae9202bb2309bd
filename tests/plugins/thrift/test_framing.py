"""Messages taken out of bytes, however those come."""

from collections.abc import Iterator

import pytest

from mesh_plugins.thrift.framing import Messages, framed, new_messages
from mesh_plugins.thrift.message import BINARY, Encoding
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import Malformed
from tests.plugins.thrift.samples import ENCODINGS, call


def taken(messages: Messages) -> Iterator[bytes]:
    while (message := messages.take()) is not None or messages.is_paused:
        if message is not None:
            yield message.buffered


def wire(message: bytes, *, is_framed: bool) -> bytes:
    return framed(message) if is_framed else message


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_messages_are_taken_however_they_are_cut(encoding: Encoding, is_framed: bool) -> None:
    data = wire(call(encoding), is_framed=is_framed) * 3
    for cut in range(len(data) + 1):
        messages = new_messages(encoding, Bounds(), is_framed=is_framed)
        messages.feed(data[:cut])
        found = list(taken(messages))
        messages.feed(data[cut:])
        found += taken(messages)

        assert found == [call(encoding)] * 3
        assert messages.count() == 0


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_messages_are_taken_byte_by_byte(encoding: Encoding, is_framed: bool) -> None:
    messages = new_messages(encoding, Bounds(), is_framed=is_framed)
    found: list[bytes] = []
    for byte in wire(call(encoding), is_framed=is_framed) * 2:
        messages.feed(bytes((byte,)))
        found += taken(messages)

    assert found == [call(encoding)] * 2


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_header_before_a_buffered_message_belongs_to_it(encoding: Encoding) -> None:
    header = b"\x0a\0\1" + bytes(8) + b"\0" if encoding.has_structs_of(BINARY) else b"\x16\x02\0"
    messages = new_messages(encoding, Bounds(), is_framed=False)
    messages.expect_headers()
    found: list[bytes] = []
    for byte in (header + call(encoding)) * 2:
        messages.feed(bytes((byte,)))
        found += taken(messages)

    assert found == [header + call(encoding)] * 2


@pytest.mark.parametrize("size", ["00000000", "ffffffff", "80000000", "00fa0001", "47455420"])
def test_a_frame_of_no_possible_size_is_malformed(size: str) -> None:
    messages = new_messages(BINARY, Bounds(), is_framed=True)
    messages.feed(bytes.fromhex(size))

    with pytest.raises(Malformed, match="a frame of"):
        messages.take()


def test_what_is_malformed_in_a_buffered_message_leaves_its_head_known() -> None:
    messages = new_messages(BINARY, Bounds(), is_framed=False)
    messages.feed(BINARY.write_head(1, b"echo", 7) + b"\x0b\0\1\xff\xff\xff\xff")

    with pytest.raises(Malformed):
        messages.take()

    assert messages.head is not None
    assert (messages.head.name, messages.head.seqid) == (b"echo", 7)


def test_a_buffered_message_is_no_longer_than_a_frame_may_be() -> None:
    messages = new_messages(BINARY, Bounds(max_bytes=100), is_framed=False)
    messages.feed(BINARY.write_head(1, b"echo", 7) + b"\x08\0\1\0\0\0\1" * 20)

    with pytest.raises(Malformed):
        messages.take()


def test_a_long_message_is_walked_in_turns() -> None:
    fields = b"\x08\0\1\0\0\0\1" * 30_000
    messages = new_messages(BINARY, Bounds(), is_framed=False)
    messages.feed(BINARY.write_head(1, b"echo", 7) + fields + b"\0")

    assert (messages.take(), messages.is_paused) == (None, True)
    assert [len(message) for message in taken(messages)] == [16 + len(fields) + 1]
