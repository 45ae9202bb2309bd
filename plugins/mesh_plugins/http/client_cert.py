"""Tells the service which certificate the client has shown, and the linker has verified.

Source: linkerd router/base-http, ForwardClientCertFilter.scala.
"""

import hashlib
from collections.abc import Awaitable
from urllib.parse import quote

from mesh import AnyService, HttpReply, HttpRequest, Make, Module, Param, Params, TlsPeer, bind, without

HEADER = b"x-forwarded-client-cert"
MEMO = 256  # certificates described, once each; cleared when full
_IN_NAMES = "/:@!$&'()*+?#[]%"  # what may stand in a name unquoted: not `;`, `,`, `=` and `"`, which separate
_KINDS = {"URI": "SAN", "DNS": "DNS"}  # linkerd's names for them, in that order

FORWARD_CLIENT_CERT = Param(False, "forward client cert")
"""Whether a client sends the certificates of its clients on."""


class ClientCert:
    """Describes the certificate in `x-forwarded-client-cert`; a client that showed none has no such field."""

    __slots__ = ("_memo",)

    def __init__(self) -> None:
        self._memo: dict[bytes, bytes] = {}

    def __call__(self, request: HttpRequest, service: AnyService, /) -> Awaitable[HttpReply]:
        headers = without(request.headers, HEADER)
        peer = request.context.tls
        if peer is not None and peer.certificate:
            headers.append((HEADER, self._memo.get(peer.certificate) or self._remember(peer)))
        request.headers = headers
        return service(request)

    def _remember(self, peer: TlsPeer) -> bytes:
        if len(self._memo) >= MEMO:
            self._memo.clear()
        text = self._memo[peer.certificate] = described(peer)
        return text


def described(peer: TlsPeer) -> bytes:
    """Return the value of the field: the certificate's SHA-256, its names, and its subject."""
    parts = [f"Hash={hashlib.sha256(peer.certificate).hexdigest().upper()}"]
    for san in peer.sans:
        kind, _colon, name = san.partition(":")
        if kind in _KINDS:
            parts.append(f"{_KINDS[kind]}={quote(name, safe=_IN_NAMES)}")
    if peer.subject:
        parts.append(f'Subject="{_escaped(peer.subject)}"')
    return ";".join(parts).encode()


def _escaped(subject: str) -> str:
    r"""Return a subject as it stands in quotes; RFC 4514 has escaped quotes in values (`\"`) and control characters."""
    return quote(subject, safe=" " + "".join(map(chr, range(33, 127))))


def _client_cert(params: Params, rest: Make) -> AnyService:
    return bind(ClientCert(), rest(params), "client_cert") if params[FORWARD_CLIENT_CERT] else rest(params)


CLIENT_CERT = Module(
    "client_cert",
    _client_cert,
    below=("request_fields", "binding"),
    why="what a client claims is taken off first, and only some clients are told",
    section="client",
)
