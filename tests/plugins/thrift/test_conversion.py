"""Messages on their way from one side to the other."""

import pytest

from mesh_plugins.thrift.conversion import check_end, converted, with_frame
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.message import BINARY, Encoding, Frame, Message, ThriftRequest, read_request
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import Malformed
from tests.plugins.thrift.samples import ENCODINGS, HEADS, STRUCTS, call


@pytest.mark.parametrize("source", ENCODINGS)
@pytest.mark.parametrize("target", ENCODINGS)
async def test_a_message_is_written_in_every_encoding(source: Encoding, target: Encoding) -> None:
    found = await converted(read_request(call(source)), target, 7, Bounds())

    assert found.hex() == call(target).hex()


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_another_sequence_id_changes_the_head_alone(encoding: Encoding) -> None:
    found = await converted(read_request(call(encoding)), encoding, 8, Bounds())

    assert found == encoding.write_head(1, b"echo", 8) + STRUCTS[encoding.name]


async def test_what_stands_before_a_message_is_not_passed_on() -> None:
    data = b"header" + call(BINARY)
    request = ThriftRequest(BINARY, BINARY.read_head(data, 6), Message(data, 6))

    assert await converted(request, BINARY, 7, Bounds()) == call(BINARY)
    assert await converted(request, BINARY, 8, Bounds()) == BINARY.write_head(1, b"echo", 8) + STRUCTS["binary"]


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_frame_must_end_where_its_message_does(encoding: Encoding) -> None:
    good, bad = framed(call(encoding)), framed(call(encoding) + b"\0")

    def request(data: bytes) -> ThriftRequest:
        return ThriftRequest(encoding, encoding.read_head(data, 4), Frame(data))

    await check_end(request(good), Bounds())
    with pytest.raises(Malformed):
        await check_end(request(bad), Bounds())


def test_a_frame_is_the_size_and_the_message() -> None:
    assert [with_frame(b"abc", is_framed=is_framed) for is_framed in (True, False)] == [b"\0\0\0\3abc", b"abc"]


def test_heads_differ_more_than_structs() -> None:
    assert len(set(HEADS.values())) == 3
