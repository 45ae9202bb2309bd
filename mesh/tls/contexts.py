"""From certificates and settings to what the TLS library works with.

Files are read once and handed over as bytes, so that what was checked, what is used, and what is shown are the same.
"""

import os
import ssl
from collections.abc import Iterable, Mapping, Sequence

import attrs

from mesh.certificate import Certificate, certificates_of, read_certificate
from mesh.settings.tls import OTHER_SPELLINGS, VERSIONS, ClientAuth, ServerCertificate, TlsClient, TlsServer
from mesh.tls.connection import reason
from mesh.tls.names import host_names

Contents = Mapping[str, bytes]
"""What files hold, by their paths."""

_NUMBERS = dict(
    zip(
        VERSIONS,
        (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3),
        strict=True,
    )
)
_WITHOUT = dict(zip(VERSIONS, (ssl.OP_NO_TLSv1, ssl.OP_NO_TLSv1_1, ssl.OP_NO_TLSv1_2, ssl.OP_NO_TLSv1_3), strict=True))


@attrs.frozen
class ServerContexts:
    """What one listener shows: `first` to everybody, the others by the name that a client asks for.

    `earliest_end` is when the first of its certificates expires, in seconds since 1970.
    """

    first: ssl.SSLContext
    by_name: Mapping[str, ssl.SSLContext]
    earliest_end: float

    def choose(self, server_name: str) -> ssl.SSLContext:
        """Return the context for the name that a client asks for."""
        found = self.by_name.get(server_name)
        if found is None and self.by_name:
            found = self.by_name.get("*." + server_name.partition(".")[2])
        return self.first if found is None else found


@attrs.frozen
class ClientContext:
    """What clients begin with. `end` is when the certificate that they show expires, 0 if they show none."""

    context: ssl.SSLContext
    end: float


def server_files(tls: TlsServer) -> tuple[str, ...]:
    """Return the paths of all files that `tls` names."""
    pairs = [path for pair in _pairs(tls) for path in _paths_of(pair)]
    return tuple(dict.fromkeys([*pairs, *_given(tls.ca_cert_path)]))


def client_files(tls: TlsClient) -> tuple[str, ...]:
    """Return the paths of all files that `tls` names."""
    shown = _paths_of(tls.client_auth) if tls.client_auth is not None else []
    return tuple(dict.fromkeys([*shown, *tls.trust_certs, *_given(tls.trust_certs_bundle)]))


def server_contexts(tls: TlsServer, contents: Contents, protocols: Sequence[str]) -> ServerContexts:
    """Build the contexts of a listener that speaks `protocols` (ALPN). Raises `ValueError` that names the file."""
    made: list[tuple[ssl.SSLContext, Certificate]] = []
    for pair in _pairs(tls):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _restrict(context, tls.protocols, tls.ciphers)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        leaf = _load_pair(context, pair, contents)
        if tls.ca_cert_path is not None:
            _trust(context, [tls.ca_cert_path], contents)
        elif tls.require_client_auth:
            context.load_default_certs(ssl.Purpose.CLIENT_AUTH)
        if tls.require_client_auth:
            context.verify_mode = ssl.CERT_REQUIRED
        elif tls.ca_cert_path is not None:
            context.verify_mode = ssl.CERT_OPTIONAL
        made.append((context, leaf))
    by_name: dict[str, ssl.SSLContext] = {}
    if len(made) > 1:
        for context, leaf in made:
            for name in host_names(leaf):
                by_name.setdefault(name.lower(), context)
    return ServerContexts(made[0][0], by_name, min(leaf.not_after for _context, leaf in made))


def client_context(tls: TlsClient, contents: Contents, protocols: Sequence[str]) -> ClientContext:
    """Build the context of clients that speak `protocols` (ALPN). Raises `ValueError` that names the file.

    The names in a certificate are not checked by it.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # is checked after the handshake, where the message can name both sides
    if tls.disable_validation:
        context.verify_mode = ssl.CERT_NONE
    _restrict(context, tls.protocols, tls.ciphers)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    roots = [*tls.trust_certs, *_given(tls.trust_certs_bundle)]
    if roots:
        _trust(context, roots, contents)
    elif not tls.disable_validation:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    end = 0.0
    if tls.client_auth is not None:
        end = _load_pair(context, tls.client_auth, contents).not_after
    return ClientContext(context, end)


def _pairs(tls: TlsServer) -> list[TlsServer | ServerCertificate]:
    return [tls, *tls.certificates]


def _paths_of(pair: TlsServer | ServerCertificate | ClientAuth) -> list[str]:
    return [pair.cert_path, pair.key_path, *_given(pair.intermediate_certs_path)]


def _given(path: str | None) -> list[str]:
    return [] if path is None else [path]


def _load_pair(
    context: ssl.SSLContext, pair: TlsServer | ServerCertificate | ClientAuth, contents: Contents
) -> Certificate:
    """Give a context its certificate and key; return the certificate."""
    chain = b"\n".join(contents[path] for path in (pair.cert_path, *_given(pair.intermediate_certs_path)))
    leaf = _first(pair.cert_path, contents)
    # The library reads files only; this one is in memory.
    file = os.memfd_create("certificate", os.MFD_CLOEXEC)
    try:
        os.write(file, chain + b"\n" + contents[pair.key_path])
        context.load_cert_chain(f"/proc/self/fd/{file}", password=_refuse_password)
    except _EncryptedError:
        raise ValueError(f"{pair.key_path}: the key is encrypted; it must be readable as it is") from None
    except ssl.SSLError as error:
        raise ValueError(f"{pair.cert_path} and {pair.key_path}: {_explained(error)}") from error
    finally:
        os.close(file)
    return leaf


class _EncryptedError(Exception):
    """A key needs a password, which nobody is here to type."""


def _refuse_password() -> str:
    raise _EncryptedError


def _explained(error: ssl.SSLError) -> str:
    match error.reason:
        case "KEY_VALUES_MISMATCH":
            return "the key is not that of the certificate"
        case "NO_START_LINE" | None:
            return "no private key in PEM"
        case _:
            return reason(error)


def _first(path: str, contents: Contents) -> Certificate:
    try:
        found = certificates_of(contents[path].decode("latin-1"))
        if found:
            return read_certificate(found[0])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    raise ValueError(f"{path}: no certificate in PEM")


def _trust(context: ssl.SSLContext, paths: Iterable[str], contents: Contents) -> None:
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # what is named here is trusted, root or not
    for path in paths:
        _first(path, contents)
        try:
            context.load_verify_locations(cadata=contents[path].decode("latin-1"))
        except (ssl.SSLError, ValueError) as error:
            shown = reason(error) if isinstance(error, ssl.SSLError) else error
            raise ValueError(f"{path}: {shown}") from error


def _restrict(context: ssl.SSLContext, protocols: Sequence[str], ciphers: Sequence[str]) -> None:
    """Allow only these versions and ciphers; renegotiation and compression, never."""
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    allowed = [OTHER_SPELLINGS.get(protocol, protocol) for protocol in protocols]
    numbers = sorted(_NUMBERS[protocol] for protocol in allowed)
    context.minimum_version = numbers[0] if numbers else ssl.TLSVersion.TLSv1_2
    if numbers:
        context.maximum_version = numbers[-1]
        for protocol in VERSIONS:
            if numbers[0] < _NUMBERS[protocol] < numbers[-1] and protocol not in allowed:
                context.options |= _WITHOUT[protocol]
    if ciphers:
        try:
            context.set_ciphers(":".join(map(openssl_name, ciphers)))
        except ssl.SSLError:
            raise ValueError(f"ciphers: none of {', '.join(ciphers)} can be used") from None


def openssl_name(cipher: str) -> str:
    """Return OpenSSL's name of a cipher that is named as in Java: `TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256`."""
    exchange, marked, cipher_and_hash = cipher.partition("_WITH_")
    if not marked:
        return cipher
    exchange = exchange.removeprefix("TLS_").removeprefix("RSA").removesuffix("_")
    kept = (
        cipher_and_hash.replace("AES_", "AES")
        .replace("_CBC", "")
        .replace("CHACHA20_POLY1305_SHA256", "CHACHA20_POLY1305")
    )
    return "-".join(filter(None, (exchange, kept))).replace("_", "-")
