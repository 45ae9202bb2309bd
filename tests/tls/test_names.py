"""Whom a certificate is for."""

import pytest

from mesh.certificate import Certificate
from mesh.tls.names import all_names, ambiguity, host_names, is_for_host, is_one_of, shown


def certificate(*sans: str, subject: str = "") -> Certificate:
    return Certificate(subject, sans, 0.0, 0.0)


@pytest.mark.parametrize(
    ("san", "host", "fits"),
    [
        ("DNS:web.example", "web.example", True),
        ("DNS:WEB.example", "web.EXAMPLE.", True),
        ("DNS:web.example", "api.example", False),
        ("DNS:web.example", "www.web.example", False),
        ("DNS:*.web.example", "a.web.example", True),
        ("DNS:*.web.example", "a.b.web.example", False),
        ("DNS:*.web.example", "web.example", False),
        ("DNS:*.web.example", ".web.example", False),
        ("DNS:*.example", "web.example", False),
        ("DNS:w*.web.example", "www.web.example", False),
        ("DNS:*.web.example", "*.web.example", True),
        ("DNS:*", "web.example", False),
        ("IP:10.0.0.1", "10.0.0.1", True),
        ("DNS:*.0.0.1", "10.0.0.1", False),
        ("IP:fd00::1", "fd00::1", True),
        ("URI:spiffe://mesh/web.example", "web.example", False),
        ("email:web.example", "web.example", False),
    ],
)
def test_a_certificate_is_for_the_hosts_that_its_names_cover(san: str, host: str, fits: bool) -> None:
    assert is_for_host(certificate(san), host) is fits


def test_the_subject_names_the_host_only_if_there_is_no_other_name() -> None:
    old = certificate(subject="CN=web.example,O=Acme")
    new = certificate("DNS:api.example", subject="CN=web.example")
    identity = certificate("URI:spiffe://mesh/api", subject="CN=web.example")

    assert [host_names(old), host_names(new), host_names(identity)] == [("web.example",), ("api.example",), ()]
    assert [is_for_host(each, "web.example") for each in (old, new, identity)] == [True, False, False]


@pytest.mark.parametrize(
    ("san", "expected", "fits"),
    [
        ("URI:spiffe://mesh/ns/web", "spiffe://mesh/ns/web", True),
        ("URI:spiffe://mesh/ns/web", "spiffe://mesh/ns/*", True),
        ("URI:spiffe://mesh/ns/web", "spiffe://mesh/ns/we", False),
        ("URI:spiffe://other/ns/web", "spiffe://mesh/ns/*", False),
        ("URI:spiffe://mesh/ns/web", "*", False),
        ("DNS:web.example", "spiffe://mesh/*", False),
        ("DNS:a.web.example", "*.web.example", True),
        ("DNS:*.web.example", "a.web.example", True),
        ("DNS:a.b.web.example", "*.web.example", False),
        ("IP:10.0.0.1", "10.0.0.1", True),
    ],
)
def test_a_name_may_be_expected_by_a_pattern(san: str, expected: str, fits: bool) -> None:
    assert is_one_of(certificate("DNS:other.example", san), ["nobody.example", expected]) is fits


@pytest.mark.parametrize(
    ("sans", "wrong"),
    [
        (("URI:spiffe://mesh/web", "DNS:web.example"), False),
        (("URI:spiffe://mesh/web", "URI:spiffe://mesh/admin"), True),
        (("URI:https://a.example", "URI:https://b.example"), False),
        ((), False),
    ],
)
def test_a_spiffe_identity_must_be_the_only_uri(sans: tuple[str, ...], wrong: bool) -> None:
    assert bool(ambiguity(certificate(*sans))) is wrong


def test_names_are_shown_but_not_all_of_many() -> None:
    many = certificate(*(f"DNS:{number}.example" for number in range(7)))

    assert shown(many) == "0.example, 1.example, 2.example, 3.example, 4.example and 2 more"
    assert shown(certificate("URI:spiffe://mesh/web", "DNS:web.example")) == "spiffe://mesh/web, web.example"
    assert shown(certificate()) == "no name at all"
    assert all_names(certificate()) == ()
