"""What names a connection."""

import pytest

from mesh import Path, Unidentified
from mesh_plugins.tcp.identifiers import PortConfig, SniConfig, port, sni
from mesh_plugins.tcp.message import TcpRequest

SVC = Path((b"svc",))


def test_a_connection_is_named_by_the_port_it_was_made_to() -> None:
    assert port(PortConfig(), SVC)(TcpRequest(5432)) == Path.read("/svc/5432")


def test_a_connection_is_named_by_the_server_that_its_tls_asks_for() -> None:
    assert sni(SniConfig(), SVC)(TcpRequest(443, b"web.test", is_tls=True)) == Path.read("/svc/web.test")


@pytest.mark.parametrize(
    ("request_", "reason"),
    [(TcpRequest(443), "the client does not speak TLS"), (TcpRequest(443, is_tls=True), "no server name in the TLS")],
)
def test_a_connection_without_a_server_name_is_for_the_next_identifier(request_: TcpRequest, reason: str) -> None:
    with pytest.raises(Unidentified, match=reason):
        sni(SniConfig(), SVC)(request_)
