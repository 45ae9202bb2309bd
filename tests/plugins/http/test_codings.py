"""What a client accepts."""

import pytest

from mesh_plugins.http.codings import preferred


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (b"gzip", "gzip"),
        (b"GZIP , deflate", "gzip"),
        (b"x-gzip", "gzip"),
        (b"deflate", "deflate"),
        (b"deflate;q=0.9, gzip;q=0.5", "deflate"),
        (b"br, *;q=0.1", "gzip"),
        (b"gzip;q=0, *", "deflate"),
        (b"*;q=0", ""),
        (b"gzip;q=0", ""),
        (b"gzip; Q=0.000", ""),
        (b"gzip;q=0.5, identity", ""),
        (b"gzip;q=0.5, identity;q=0.5", "gzip"),
        (b"gzip;q=x", ""),
        (b"gzip;q=1e9", ""),
        (b"br", ""),
        (b"identity", ""),
        (b",,", ""),
        (b"", ""),
        (b"gzip," * 300, ""),
    ],
)
def test_the_clients_wish_is_read_with_its_weights(accepted: bytes, expected: str) -> None:
    assert preferred(accepted) == expected
