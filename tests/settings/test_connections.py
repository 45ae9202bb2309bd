"""Addresses and limits."""

import attrs
import pytest

from mesh.keys import describe
from mesh.settings import Address, Limits
from mesh.settings.connections import HostConnectionPool


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("0:0::1", "::1"),
        ("localhost", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
    ],
)
def test_an_address_is_read(written: str, expected: str) -> None:
    assert Address.read(written) == expected


@pytest.mark.parametrize("written", ["", "127", "127.01", "127.70000.1", "example.com", "1.2.3.4.5", "*", "[::1]"])
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        Address.read(written)


def test_limits_are_spelled_as_their_fields() -> None:
    assert [describe(field).name for field in attrs.fields(Limits)] == [field.name for field in attrs.fields(Limits)]


def test_a_pool_cannot_keep_more_than_it_may_have() -> None:
    with pytest.raises(ValueError, match=r"`minSize` \(3\) must not be above `maxSize` \(2\)"):
        HostConnectionPool(min_size=3, max_size=2)
