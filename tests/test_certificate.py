"""Reading certificates, of which OpenSSL's own reading is the judge."""

import datetime
import ipaddress
import pathlib

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID, ObjectIdentifier

from mesh.certificate import certificates_of, read_certificate
from tests.certificates import Authority

BEGIN = datetime.datetime(2020, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)


def issued(
    *attributes: tuple[ObjectIdentifier, str],
    names: list[x509.GeneralName] | None = None,
    end: datetime.datetime = datetime.datetime(2049, 1, 1, tzinfo=datetime.UTC),
) -> bytes:
    """Return a certificate, signed by itself, in DER."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), 1, BEGIN, end)
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    if names is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


def test_the_names_have_their_kind_and_keep_their_order() -> None:
    names: list[x509.GeneralName] = [
        x509.UniformResourceIdentifier("spiffe://mesh/ns/web"),
        x509.DNSName("*.web.example"),
        x509.IPAddress(ipaddress.ip_address("10.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("fd00::1")),
        x509.RFC822Name("web@example.org"),
        x509.RegisteredID(ObjectIdentifier("1.2.3")),
    ]

    found = read_certificate(issued((NameOID.COMMON_NAME, "web"), names=names))

    assert found.sans == (
        "URI:spiffe://mesh/ns/web",
        "DNS:*.web.example",
        "IP:10.0.0.1",
        "IP:fd00::1",
        "email:web@example.org",
    )


def test_a_name_with_a_nul_in_it_is_no_name() -> None:
    odd = x509.DNSName._init_without_validation("web.example\0.evil.example")

    assert read_certificate(issued((NameOID.COMMON_NAME, "web"), names=[odd])).sans == ()


def test_the_subject_is_written_as_rfc_4514_has_it() -> None:
    der = issued(
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.ORGANIZATION_NAME, "Acme, Inc."),
        (NameOID.DOMAIN_COMPONENT, "example"),
        (NameOID.SERIAL_NUMBER, " 7 "),
        (NameOID.COMMON_NAME, "wéb"),
    )

    found = read_certificate(der)

    assert found.subject == r"CN=wéb,2.5.4.5=\ 7\ ,DC=example,O=Acme\, Inc.,C=DE"
    assert found.subject_name == "wéb"


def test_a_subject_cannot_pretend_to_have_another_part() -> None:
    found = read_certificate(issued((NameOID.ORGANIZATION_NAME, "x,CN=admin"), (NameOID.COMMON_NAME, "a\n")))

    assert found.subject == r"CN=a\0A,O=x\,CN\=admin"


def test_an_empty_subject_is_an_empty_text() -> None:
    found = read_certificate(issued())

    assert (found.subject, found.subject_name, found.sans) == ("", "", ())


@pytest.mark.parametrize("year", [2049, 2050, 2100])
def test_the_time_is_read_in_both_its_forms(year: int) -> None:
    end = datetime.datetime(year, 6, 7, 8, 9, 10, tzinfo=datetime.UTC)

    found = read_certificate(issued(end=end))

    assert (found.not_before, found.not_after) == (BEGIN.timestamp(), end.timestamp())


def test_a_certificate_cut_anywhere_is_refused() -> None:
    der = issued((NameOID.COMMON_NAME, "web"), names=[x509.DNSName("web.example")])

    for size in range(len(der)):
        with pytest.raises(ValueError, match="not a certificate"):
            read_certificate(der[:size])


def test_bytes_after_a_certificate_are_refused() -> None:
    with pytest.raises(ValueError, match="bytes follow it"):
        read_certificate(issued() + b"\0\0")


def test_every_certificate_of_a_file_is_found_whatever_stands_around_it(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("web.example")
    pem = pathlib.Path(files.key).read_text() + "a comment\n" + pathlib.Path(files.cert).read_text()

    found = [read_certificate(der) for der in certificates_of(pem + pathlib.Path(authority.path).read_text())]

    assert [certificate.sans for certificate in found] == [("DNS:web.example",), ()]


def test_a_file_that_ends_inside_a_certificate_is_refused() -> None:
    with pytest.raises(ValueError, match="begins without"):
        certificates_of("-----BEGIN CERTIFICATE-----\nAAAA\n")
