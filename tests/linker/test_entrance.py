"""What stands between an accepted socket and the codec."""

import pathlib

import pytest

from mesh.errors import ConfigError
from mesh.linker.entrance import entrance, entrances
from mesh.metrics import Metrics, flat
from mesh.settings import AdminSettings, StackFile, TlsServer
from mesh.transport import plain_connection
from tests.certificates import Authority

NOWHERE = TlsServer(cert_path="nowhere.pem", key_path="nowhere.key")


def test_nothing_stands_there_unless_a_key_says_so() -> None:
    assert entrance(None, "web", Metrics()).connection is plain_connection


async def test_what_is_shown_of_tls_goes_with_it(tmp_path: pathlib.Path) -> None:
    files = Authority(tmp_path).issue("web.example")
    metrics = Metrics()

    entrance(TlsServer(cert_path=files.cert, key_path=files.key), "web", metrics).show()
    with_tls = flat(metrics)
    entrance(None, "web", metrics).show()

    assert "tls/seconds_to_expiry" in with_tls
    assert flat(metrics) == {}


async def test_certificates_that_cannot_be_used_are_named_with_their_key() -> None:
    with pytest.raises(ConfigError) as raised:
        entrances(StackFile(admin=AdminSettings(tls=NOWHERE)), [], Metrics())

    (problem,) = raised.value.problems
    assert problem.key == "admin.tls"
    assert problem.message == "TLS cannot be served: nowhere.pem: No such file or directory"
