"""What files become, and what is said of those that cannot be used."""

import contextlib
import pathlib
import ssl
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from mesh.settings import ClientAuth, ServerCertificate, TlsClient, TlsServer
from mesh.tls.contexts import (
    ServerContexts,
    client_context,
    client_files,
    openssl_name,
    server_contexts,
    server_files,
)
from tests.certificates import Authority, Files

BEGIN = "-----BEGIN CERTIFICATE-----"


@pytest.fixture
def authority(tmp_path: pathlib.Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def files(authority: Authority) -> Files:
    return authority.issue("web.example")


def served(files: Files, **keys: Any) -> ServerContexts:
    tls = TlsServer(cert_path=files.cert, key_path=files.key, **keys)
    contents = {path: pathlib.Path(path).read_bytes() for path in server_files(tls)}
    return server_contexts(tls, contents, ("http/1.1",))


def dialled(**keys: Any) -> ssl.SSLContext:
    tls = TlsClient(common_name="web.example", **keys)
    contents = {path: pathlib.Path(path).read_bytes() for path in client_files(tls)}
    return client_context(tls, contents, ()).context


def test_a_server_speaks_the_versions_of_today_and_never_renegotiates(files: Files) -> None:
    context = served(files).first

    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.options & ssl.OP_NO_RENEGOTIATION
    assert context.verify_mode == ssl.CERT_NONE


@pytest.mark.parametrize(
    ("protocols", "lowest", "highest", "without"),
    [
        (("TLSv1.0", "TLSv1.2"), ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_2, 0),
        (("TLSv1.2",), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2, 0),
        (("TLSv1.3", "TLSv1.2"), ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3, 0),
        (("TLSv1.1", "TLSv1.3"), ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_3, ssl.OP_NO_TLSv1_2),
    ],
)
@pytest.mark.filterwarnings("ignore:ssl:DeprecationWarning")
def test_versions_are_those_that_are_named(
    files: Files, protocols: tuple[str, ...], lowest: int, highest: int, without: int
) -> None:
    context = served(files, protocols=protocols).first

    assert (context.minimum_version, context.maximum_version) == (lowest, highest)
    assert context.options & ssl.OP_NO_TLSv1_2 == without


@pytest.mark.parametrize(
    ("cipher", "name"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLS_RSA_WITH_AES_256_CBC_SHA", "AES256-SHA"),
        ("TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", "DHE-RSA-AES128-SHA256"),
    ],
)
def test_ciphers_have_the_names_of_openssl_or_of_java(files: Files, cipher: str, name: str) -> None:
    assert openssl_name(cipher) == name
    assert name in [each["name"] for each in served(files, ciphers=(cipher,)).first.get_ciphers()]


def test_ciphers_that_there_are_not_are_named(files: Files) -> None:
    with pytest.raises(ValueError, match="none of ROT13 can be used"):
        served(files, ciphers=("ROT13",))


def test_clients_are_asked_for_a_certificate_or_must_have_one(authority: Authority, files: Files) -> None:
    asked = served(files, ca_cert_path=authority.path).first
    required = served(files, ca_cert_path=authority.path, require_client_auth=True).first
    by_anybody = served(files, require_client_auth=True).first

    assert [context.verify_mode for context in (asked, required, by_anybody)] == [
        ssl.CERT_OPTIONAL,
        ssl.CERT_REQUIRED,
        ssl.CERT_REQUIRED,
    ]


def test_the_certificate_is_chosen_by_the_name_that_the_client_asks_for(authority: Authority, files: Files) -> None:
    other = authority.issue("api.example", "*.api.example", file="api", days=0.5)

    contexts = served(files, certificates=(ServerCertificate(cert_path=other.cert, key_path=other.key),))

    second = contexts.by_name["api.example"]
    assert second is not contexts.first
    chosen = [contexts.choose(name) for name in ("", "web.example", "api.example", "x.api.example", "a.x.api.example")]
    assert [context is second for context in chosen] == [False, False, True, True, False]
    assert 0.4 * 86400 < contexts.earliest_end - time.time() < 0.6 * 86400


def test_the_chain_is_sent_along(authority: Authority, files: Files) -> None:
    context = served(files, intermediate_certs_path=authority.path).first
    client = dialled(trust_certs_bundle=authority.path)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    back, forth = ssl.MemoryBIO(), ssl.MemoryBIO()
    theirs = client.wrap_bio(back, outgoing, server_hostname="web.example")
    ours = context.wrap_bio(incoming, forth, server_side=True)
    for side, source, target in ((theirs, outgoing, incoming), (ours, forth, back), (theirs, outgoing, incoming)):
        with contextlib.suppress(ssl.SSLWantReadError):
            side.do_handshake()
        target.write(source.read())

    assert len(theirs._sslobj.get_unverified_chain()) == 2  # type: ignore[attr-defined]  # public from Python 3.13 on


def corrupt(path: str, text: str) -> None:
    pathlib.Path(path).write_text(text)


def test_files_that_cannot_be_used_are_named(authority: Authority, files: Files) -> None:
    other = authority.issue("web.example", file="other")
    wrong = [
        (Files(files.cert, other.key), "leaf.pem and .*other.key: the key is not that of the certificate"),
        (Files(files.key, files.key), "leaf.key: no certificate in PEM"),
        (Files(files.cert, files.cert), "leaf.pem and .*leaf.pem: no private key in PEM"),
    ]

    for pair, message in wrong:
        with pytest.raises(ValueError, match=message):
            served(pair)


@pytest.mark.parametrize("text", ["", "garbage", f"{BEGIN}\nAAAA\n", f"{BEGIN}\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_broken_certificate_is_named(files: Files, text: str) -> None:
    corrupt(files.cert, text)

    with pytest.raises(ValueError, match=r"leaf\.pem: "):
        served(files)


def test_an_encrypted_key_is_refused_without_asking_for_a_password(files: Files) -> None:
    key = serialization.load_pem_private_key(pathlib.Path(files.key).read_bytes(), None)
    locked = serialization.BestAvailableEncryption(b"secret")
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
    pathlib.Path(files.key).write_bytes(key.private_bytes(*form))

    with pytest.raises(ValueError, match="the key is encrypted"):
        served(files)


def test_a_client_trusts_what_it_is_told_to(authority: Authority, tmp_path: pathlib.Path) -> None:
    second = Authority(tmp_path, "second")

    one = dialled(trust_certs_bundle=authority.path)
    two = dialled(trust_certs=(authority.path, second.path))
    everybody = dialled(disable_validation=True)

    assert [len(context.get_ca_certs()) for context in (one, two, everybody)] == [1, 2, 0]
    assert [context.verify_mode for context in (one, everybody)] == [ssl.CERT_REQUIRED, ssl.CERT_NONE]


def test_a_client_shows_its_certificate_until_it_expires(authority: Authority) -> None:
    files = authority.issue("client.example", days=2)
    tls = TlsClient(common_name="web.example", client_auth=ClientAuth(cert_path=files.cert, key_path=files.key))
    contents = {path: pathlib.Path(path).read_bytes() for path in client_files(tls)}

    built = client_context(tls, contents, ("http/1.1",))

    assert 1.9 * 86400 < built.end - time.time() < 2.1 * 86400


def test_roots_that_are_none_are_named(tmp_path: pathlib.Path) -> None:
    (tmp_path / "roots.pem").write_text("garbage")

    with pytest.raises(ValueError, match=r"roots\.pem: no certificate in PEM"):
        dialled(trust_certs_bundle=str(tmp_path / "roots.pem"))
