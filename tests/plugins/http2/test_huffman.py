import pytest
from hpack.exceptions import HPACKDecodingError
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH
from hypothesis import given
from hypothesis import strategies as st

from mesh_plugins.http2.huffman import decode_huffman

ENCODER = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def test_the_example_of_the_specification_is_read() -> None:
    assert decode_huffman(bytes.fromhex("f1e3c2e5f23a6ba0ab90f4ff")) == b"www.example.com"


@given(st.binary(max_size=64))
def test_whatever_was_coded_is_read_back(text: bytes) -> None:
    assert decode_huffman(ENCODER.encode(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ffffffff", id="the symbol of the end"),
        pytest.param("1fff", id="padding of more than seven bits"),
        pytest.param("0000000000ff", id="a byte of padding"),
        pytest.param("18", id="padding that is not all ones"),
    ],
)
def test_what_was_not_coded_so_is_refused(text: str) -> None:
    with pytest.raises(HPACKDecodingError):
        decode_huffman(bytes.fromhex(text))
