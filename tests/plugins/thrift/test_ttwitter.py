"""TTwitter's headers, byte for byte. The literal headers are Finagle's own: the project's conformance cases have more."""

import pytest

from mesh import TraceId
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding
from mesh_plugins.thrift.ttwitter import (
    MOST,
    agrees,
    asks,
    read_request_header,
    read_response_header,
    write_request_header,
    write_response_header,
)
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import Malformed

TRACE = TraceId.of(0x4C356F7F067227FB)
CONTEXT = b"com.twitter.finagle.tracing.TraceContext"
WITH_DELEGATION = bytes.fromhex(
    "0a0001 4c356f7f067227fb 0a0002 4c356f7f067227fb 0a0007 0000000000000000"
    "0f0008 0c 00000002"
    f"0b0001 00000028 {CONTEXT.hex()} 0b0002 00000020 {'4c356f7f067227fb' * 3} 0000000000000000 00"
    f"0b0001 0000001c {b'com.twitter.finagle.Deadline'.hex()} 0b0002 00000010 1420880875c106807fffffffffffffff 00"
    "0f000a 0c 00000001 0b0001 00000004 2f666f6f 0b0002 00000004 2f626172 00 00"
)
ENCODINGS = [BINARY, COMPACT]


def test_a_header_of_finagle_s_is_read_and_written() -> None:
    header, at = read_request_header(BINARY, b"\0" * 4 + WITH_DELEGATION + b"rest", 4, Bounds())

    assert at == 4 + len(WITH_DELEGATION)
    assert (header.trace, header.delegations, header.dest, header.client_id) == (TRACE, [(b"/foo", b"/bar")], b"", b"")
    assert write_request_header(BINARY, header).hex() == WITH_DELEGATION.hex()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_everything_a_header_says_is_read_again(encoding: Encoding) -> None:
    trace = TraceId.of((1 << 64) - 1, 2, 3, flags=1).decided(True)
    header = RequestHeader(trace, b"me", [(b"a", b"1")], b"/dest", [(b"/a", b"/b"), (b"/c", b"!")])

    data = write_request_header(encoding, header)
    read, at = read_request_header(encoding, data, 0, Bounds())

    assert at == len(data)
    assert (read.trace, read.client_id, read.contexts) == (trace, b"me", [(b"a", b"1")])
    assert (read.dest, read.delegations) == (b"/dest", [(b"/a", b"/b"), (b"/c", b"!")])


def test_a_trace_in_a_context_overrides_the_fields() -> None:
    packed = TraceId.of(7, 8, 9, high=10).packed
    header = RequestHeader(TRACE, contexts=[(CONTEXT.upper(), packed)])

    read, _at = read_request_header(BINARY, write_request_header(BINARY, header), 0, Bounds())

    assert read.trace == TraceId(packed)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_zeros_are_written_for_no_trace_and_read_as_none(encoding: Encoding) -> None:
    data = write_request_header(encoding, RequestHeader(client_id=b"me"))

    read, _at = read_request_header(encoding, data, 0, Bounds())

    assert (read.trace, read.client_id) == (None, b"me")


@pytest.mark.parametrize(("trace", "span"), [(0, 1), (1, 0)])
def test_half_a_trace_is_one(trace: int, span: int) -> None:
    data = write_request_header(BINARY, RequestHeader(TraceId.of(span, span, trace)))

    read, _at = read_request_header(BINARY, data, 0, Bounds())

    assert read.trace == TraceId.of(span, span, trace)


def test_fields_that_nobody_knows_are_passed_over() -> None:
    header = bytes.fromhex(
        "0d0063 0b 08 00000001 00000001 78 00000001 0a0001 0000000000000001 040064 3ff8000000000000 00"
    )

    read, at = read_request_header(BINARY, header, 0, Bounds())

    assert (at, read.trace) == (len(header), None)


@pytest.mark.parametrize("cut", range(0, len(WITH_DELEGATION), 7))
def test_a_header_that_was_cut_off_is_malformed(cut: int) -> None:
    with pytest.raises(Malformed):
        read_request_header(BINARY, WITH_DELEGATION[:cut], 0, Bounds())


def test_a_header_is_no_deeper_and_no_longer_than_a_message() -> None:
    with pytest.raises(Malformed):
        read_request_header(BINARY, b"\x0c\0\1" * 5000 + b"\0" * 5001, 0, Bounds())
    with pytest.raises(Malformed):
        read_request_header(BINARY, WITH_DELEGATION, 0, Bounds(elements=1))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("size", [MOST - 100, MOST])
def test_so_much_of_a_header_is_read_and_no_more(encoding: Encoding, size: int) -> None:
    data = write_request_header(encoding, RequestHeader(contexts=[(b"x", bytes(size))])) + bytes(MOST)

    if size < MOST:
        assert read_request_header(encoding, data, 0, Bounds())[0].context(b"x") == bytes(size)
    else:
        with pytest.raises(Malformed):
            read_request_header(encoding, data, 0, Bounds())


def test_a_header_of_many_small_values_is_read_no_further() -> None:
    many = bytes.fromhex("02000101") * (MOST // 4)

    with pytest.raises(Malformed, match="more than 65536 bytes"):
        read_request_header(BINARY, many + b"\0", 0, Bounds())


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("contexts", [[], [(b"a", b"1"), (b"b", b"")]])
def test_what_comes_beside_a_reply_is_read_and_written(encoding: Encoding, contexts: list[tuple[bytes, bytes]]) -> None:
    data = write_response_header(encoding, contexts)

    assert read_response_header(encoding, b"-" + data + b"rest", 1, Bounds()) == (contexts, 1 + len(data))
    assert contexts or data == b"\0"


def test_the_upgrade_is_asked_for_and_agreed_to_as_finagle_does() -> None:
    name = b"__can__finagle__trace__v3__".hex()

    assert asks(BINARY).hex() == f"800100010000001b{name}0000000000"
    assert agrees(BINARY, 0).hex() == f"800100020000001b{name}0000000000"
