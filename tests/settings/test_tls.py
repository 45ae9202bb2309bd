"""TLS keys that do not go together."""

from typing import Any

import pytest

from mesh.settings import ClientAuth, TlsClient, TlsServer

AUTH = ClientAuth(cert_path="a", key_path="b")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "tls is configured with validation but `commonName` is not set"),
        ({"disable_validation": True, "client_auth": AUTH}, "disableValidation: true is incompatible with clientAuth"),
        (
            {"common_name": "x", "trust_certs": ("a",), "trust_certs_bundle": "b"},
            "trustCerts and trustCertsBundle cannot both be given",
        ),
        (
            {"disable_validation": True, "server_names": ("a",)},
            "disableValidation: true is incompatible with serverNames",
        ),
        (
            {"common_name": "x", "protocols": ("SSLv3",)},
            "SSLv3 is no version of TLS; expected one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3",
        ),
    ],
)
def test_a_client_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared whole
        TlsClient(**keys)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "keys",
    [
        {"enabled": False},
        {"disable_validation": True},
        {"common_name": "x", "client_auth": AUTH},
        {"server_names": ("x",)},
    ],
)
def test_a_client_is_accepted(keys: dict[str, Any]) -> None:
    assert TlsClient(**keys).protocols == ()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"client_names": ("a",)}, "clientNames needs requireClientAuth: true"),
        ({"protocols": ("tls1.2",)}, "tls1.2 is no version of TLS; expected one of TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
    ],
)
def test_a_server_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared whole
        TlsServer(cert_path="a", key_path="b", **keys)

    assert str(caught.value) == message
