"""TLS as a stack file describes it, for servers and for clients."""

import attrs

from mesh.keys import key


@attrs.frozen(kw_only=True)
class TlsServer:
    """What a server shows to its clients, and what it demands of them. Paths are files in PEM."""

    cert_path: str = key("The certificate.")
    key_path: str = key("Its private key, in PKCS#8; nobody but its owner should be able to read the file.")
    intermediate_certs_path: str | None = key("Certificates between it and its root, sent along.", None)
    ca_cert_path: str | None = key("The authority that clients' certificates must come from.", None)
    require_client_auth: bool = key("Refuse clients without a valid certificate.", False)
    ciphers: tuple[str, ...] = key("Names of the ciphers that may be used; the library's choice.", ())
    protocols: tuple[str, ...] = key("Versions that may be used, such as `TLSv1.2`; the library's choice.", ())


@attrs.frozen(kw_only=True)
class ClientAuth:
    """The certificate that a client shows."""

    cert_path: str = key("The certificate.")
    key_path: str = key("Its private key, in PKCS#8; nobody but its owner should be able to read the file.")
    intermediate_certs_path: str | None = key("Certificates between it and its root, sent along.", None)


@attrs.frozen(kw_only=True)
class TlsClient:
    """What a client demands of its server. Raises `ValueError` for keys that do not go together."""

    enabled: bool = key("False lets a later static entry switch TLS off.", True)
    disable_validation: bool = key("Accept any certificate.", False)
    common_name: str | None = key(
        "The name to verify, also sent as SNI; `{variables}` come from the entry's prefix. Required to validate.", None
    )
    trust_certs: tuple[str, ...] = key("Roots to trust, one file each; `trustCertsBundle` replaces it.", ())
    trust_certs_bundle: str | None = key("A file of roots to trust; the system's by default.", None)
    client_auth: ClientAuth | None = key("The certificate that is shown to the server.", None)
    protocols: tuple[str, ...] = key("Versions that may be used, such as `TLSv1.2`; the library's choice.", ())

    def __attrs_post_init__(self) -> None:
        if self.disable_validation and self.client_auth is not None:
            raise ValueError("disableValidation: true is incompatible with clientAuth")
        if self.trust_certs and self.trust_certs_bundle is not None:
            raise ValueError("trustCerts and trustCertsBundle cannot both be given")
        if self.enabled and not self.disable_validation and self.common_name is None:
            raise ValueError("tls is configured with validation but `commonName` is not set")
