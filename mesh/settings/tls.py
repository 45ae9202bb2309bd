"""TLS as a stack file describes it, for servers and for clients."""

from collections.abc import Sequence

import attrs

from mesh.keys import key

VERSIONS = ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3")
OTHER_SPELLINGS = {"TLSv1.0": "TLSv1"}

_CIPHERS = "Ciphers up to TLSv1.2, by the names of OpenSSL or of Java; the library's choice by default."
_PROTOCOLS = "Versions that may be used, such as `[TLSv1.2, TLSv1.3]`, which is the default."
_KEY_PATH = "Its private key, in PKCS#8; nobody but its owner should be able to read the file."
_CHAIN = "Certificates between it and its root, sent along."


@attrs.frozen(kw_only=True)
class ServerCertificate:
    """A certificate that a server shows."""

    cert_path: str = key("The certificate.")
    key_path: str = key(_KEY_PATH)
    intermediate_certs_path: str | None = key(_CHAIN, None)


@attrs.frozen(kw_only=True)
class TlsServer:
    """What a server shows to its clients, and what it demands of them. Paths are files in PEM.

    Raises `ValueError` for keys that do not go together.
    """

    cert_path: str = key("The certificate.")
    key_path: str = key(_KEY_PATH)
    intermediate_certs_path: str | None = key(_CHAIN, None)
    certificates: tuple[ServerCertificate, ...] = key(
        "Further certificates: a client that asks for one of their names (SNI) gets that one.", ()
    )
    ca_cert_path: str | None = key(
        "The authority that clients' certificates must come from; asks clients for theirs. The system's by default.",
        None,
    )
    require_client_auth: bool = key("Refuse clients without a valid certificate.", False)
    client_names: tuple[str, ...] = key(
        "Names of which a client's certificate must have one, such as `web.example`, `*.web.example` or "
        "`spiffe://mesh/ns/web/*`; any by default. Only with `requireClientAuth`.",
        (),
    )
    ciphers: tuple[str, ...] = key(_CIPHERS, ())
    protocols: tuple[str, ...] = key(_PROTOCOLS, ())
    handshake_timeout_ms: int = key("Longest time for a handshake, in ms.", 10000, least=1)
    max_handshakes: int = key(
        "Handshakes in progress at a time; a client beyond that takes the place of the one that waits longest.",
        1024,
        least=1,
    )

    def __attrs_post_init__(self) -> None:
        check_versions(self.protocols)
        if self.client_names and not self.require_client_auth:
            raise ValueError("clientNames needs requireClientAuth: true")


@attrs.frozen(kw_only=True)
class ClientAuth:
    """The certificate that a client shows."""

    cert_path: str = key("The certificate.")
    key_path: str = key(_KEY_PATH)
    intermediate_certs_path: str | None = key(_CHAIN, None)


@attrs.frozen(kw_only=True)
class TlsClient:
    """What a client demands of its server. Raises `ValueError` for keys that do not go together."""

    enabled: bool = key("False lets a later static entry switch TLS off.", True)
    disable_validation: bool = key("Accept any certificate.", False)
    common_name: str | None = key(
        "The name to verify, also sent as SNI; `{variables}` come from the entry's prefix. This or `serverNames` is required "
        "to validate.",
        None,
    )
    server_names: tuple[str, ...] = key(
        "Names of which the server's certificate must have one instead, such as `spiffe://mesh/ns/{service}`; a `*` at the "
        "end of a URI stands for the rest. `commonName` is then only sent as SNI.",
        (),
    )
    trust_certs: tuple[str, ...] = key("Roots to trust, one file each; `trustCertsBundle` replaces it.", ())
    trust_certs_bundle: str | None = key("A file of roots to trust; the system's by default.", None)
    client_auth: ClientAuth | None = key("The certificate that is shown to the server.", None)
    ciphers: tuple[str, ...] = key(_CIPHERS, ())
    protocols: tuple[str, ...] = key(_PROTOCOLS, ())
    handshake_timeout_ms: int = key("Longest time for a handshake, in ms.", 5000, least=1)

    def __attrs_post_init__(self) -> None:
        check_versions(self.protocols)
        if self.disable_validation and self.client_auth is not None:
            raise ValueError("disableValidation: true is incompatible with clientAuth")
        if self.disable_validation and self.server_names:
            raise ValueError("disableValidation: true is incompatible with serverNames")
        if self.trust_certs and self.trust_certs_bundle is not None:
            raise ValueError("trustCerts and trustCertsBundle cannot both be given")
        if self.enabled and not self.disable_validation and self.common_name is None and not self.server_names:
            raise ValueError("tls is configured with validation but `commonName` is not set")


def check_versions(protocols: Sequence[str]) -> None:
    """Raise `ValueError` for a version that there is not."""
    for protocol in protocols:
        if OTHER_SPELLINGS.get(protocol, protocol) not in VERSIONS:
            raise ValueError(f"{protocol} is no version of TLS; expected one of {', '.join(VERSIONS)}")
