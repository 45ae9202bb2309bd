"""Which addresses are link-local, and how an address set is guarded against them."""

import pytest

from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrNeg, Endpoint
from mesh.naming.linklocal import guarded, is_link_local, link_local
from mesh.var import Var


@pytest.mark.parametrize(
    "host",
    [
        "169.254.0.0",
        "169.254.169.254",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "fe80::1",
        "fe80::1%eth0",
        "febf::",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:1",
    ],
)
def test_an_address_is_link_local_however_it_is_written(host: str) -> None:
    assert is_link_local(host)


@pytest.mark.parametrize(
    "host", ["169.253.255.255", "10.0.0.1", "127.0.0.1", "fec0::1", "::1", "::", "example.test", "", "a\0b", "é"]
)
def test_other_addresses_and_names_are_not_link_local(host: str) -> None:
    assert not is_link_local(host)


def test_the_first_link_local_endpoint_of_a_set_is_told() -> None:
    addr = AddrBound((Endpoint("10.0.0.1", 80), Endpoint("169.254.0.1", 80), Endpoint("fe80::1", 81)))

    assert link_local(addr) == "169.254.0.1:80"
    assert link_local(AddrNeg()) == ""


def test_a_guarded_set_fails_while_it_holds_a_link_local_address() -> None:
    good = AddrBound((Endpoint("10.0.0.1", 80),))
    source: Var[Addr] = Var(good)
    addr = guarded(source)
    seen = [addr.value]

    source.set(AddrBound((*good.endpoints, Endpoint("169.254.169.254", 80))))
    seen.append(addr.value)
    source.set(good)
    seen.append(addr.value)

    assert seen == [good, AddrFailed("the override leads to 169.254.169.254:80, a link-local address"), good]
