"""Which certificate a client has shown."""

import hashlib

from mesh import Fields, HttpReply, HttpRequest, Params, TlsPeer
from mesh_plugins.http.client_cert import CLIENT_CERT, FORWARD_CLIENT_CERT, ClientCert, described


class Peer(TlsPeer):
    """A peer whose certificate says what the test wants."""

    @property
    def subject(self) -> str:
        return 'CN=up\\"x,C=US\u00e9'

    @property
    def sans(self) -> tuple[str, ...]:
        return ("URI:https://buoyant.io", "DNS:upstream", "IP:10.0.0.1", "URI:a;Subject=b,c")


async def _ok(_request: HttpRequest, /) -> HttpReply:
    return HttpReply(200)


async def _sent(tls: TlsPeer | None, headers: Fields) -> Fields:
    request = HttpRequest(b"GET", b"/", headers)
    request.context.tls = tls
    await ClientCert()(request, _ok)
    return request.headers


def test_the_field_has_the_hash_the_names_and_the_subject() -> None:
    digest = hashlib.sha256(b"der").hexdigest().upper().encode()

    assert described(Peer(b"der")) == (
        b"Hash=" + digest + b";SAN=https://buoyant.io;DNS=upstream;SAN=a%3BSubject%3Db%2Cc;"
        b'Subject="CN=up\\"x,C=US%C3%A9"'
    )


async def test_a_verified_certificate_is_told_in_place_of_a_claimed_one() -> None:
    headers = await _sent(Peer(b"der"), [(b"x-forwarded-client-cert", b"Hash=A"), (b"host", b"web")])

    assert headers == [(b"host", b"web"), (b"x-forwarded-client-cert", described(Peer(b"der")))]


async def test_a_client_without_a_certificate_has_no_field() -> None:
    claimed = [(b"x-forwarded-client-cert", b"Hash=A")]

    assert [await _sent(TlsPeer(), claimed), await _sent(None, claimed)] == [[], []]


async def test_a_certificate_is_described_once_and_not_too_many_are_remembered() -> None:
    cert = ClientCert()
    for number in [*range(300), 299]:
        request = HttpRequest(b"GET", b"/", [])
        request.context.tls = Peer(b"%d" % number)
        await cert(request, _ok)

    assert len(cert._memo) == 300 - 256


def test_nothing_is_built_unasked() -> None:
    assert CLIENT_CERT.wrap(Params(), lambda _params: _ok) is _ok
    assert CLIENT_CERT.wrap(Params().put(FORWARD_CLIENT_CERT, True), lambda _params: _ok) is not _ok
