"""TLS keys that do not go together."""

from typing import Any

import pytest

from mesh.settings import ClientAuth, TlsClient

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
    ],
)
def test_a_client_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared whole
        TlsClient(**keys)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    "keys", [{"enabled": False}, {"disable_validation": True}, {"common_name": "x", "client_auth": AUTH}]
)
def test_a_client_is_accepted(keys: dict[str, Any]) -> None:
    assert TlsClient(**keys).protocols == ()
