"""The chunked coding, from literal bytes."""

import pytest

from mesh import Fields, Limits, RemoteProtocolError
from mesh_plugins.http1.chunked import ChunkDecoder
from tests.plugins.http1.driving import cuttings


def decode(pieces: list[bytes]) -> tuple[bytes, Fields, bytes]:
    """Return the content, the trailers, and what was left over."""
    decoder = ChunkDecoder(Limits())
    content = left = b""
    for piece in pieces:
        left += piece
        if not decoder.is_done:
            part, used = decoder.decode(left, 0)
            content += part
            left = left[used:]
    assert decoder.is_done
    return content, decoder.trailers, left


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [
        (b"0\r\n\r\n", (b"", [], b"")),
        (b"0\r\n\r\nGET /", (b"", [], b"GET /")),
        (b"5\r\nhello\r\n0\r\n\r\n", (b"hello", [], b"")),
        (b"2\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", (b"\r\n0\r", [], b"")),
        (b"1\r\na\r\n" * 300 + b"0\r\n\r\n", (b"a" * 300, [], b"")),
        (b"fF\r\n" + b"a" * 255 + b"\r\n0\r\n\r\n", (b"a" * 255, [], b"")),
        (b"0000000000000001;a;b=c\r\na\r\n0;z\r\n\r\n", (b"a", [], b"")),
        (b"0\r\nX-A: 1\r\nx-b:\r\n\r\n\r\n", (b"", [(b"x-a", b"1"), (b"x-b", b"")], b"\r\n")),
    ],
)
def test_a_body_is_decoded_however_it_is_cut(octets: bytes, decoded: tuple[bytes, Fields, bytes]) -> None:
    results = [decode(pieces) for pieces in cuttings(octets)]

    assert [result for result in results if result != decoded] == []


def test_all_content_at_hand_comes_at_once() -> None:
    decoder = ChunkDecoder(Limits())

    assert decoder.decode(b"head1\r\na\r\n2\r\nbc\r\n9\r\ndef", 4) == (b"abcdef", 23)
    assert not decoder.is_done


def test_a_chunk_is_handed_out_before_it_is_complete() -> None:
    decoder = ChunkDecoder(Limits())

    assert [decoder.decode(b"7fffffffffffffff\r\nab", 0), decoder.decode(b"cd", 0)] == [(b"ab", 20), (b"cd", 2)]


def test_content_before_a_fault_is_not_handed_out_with_it() -> None:
    with pytest.raises(RemoteProtocolError):
        ChunkDecoder(Limits()).decode(b"1\r\na\r\nx\r\n", 0)
