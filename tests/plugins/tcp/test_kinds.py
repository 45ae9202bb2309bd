"""The protocol `tcp` and its identifiers, as a stack file names them."""

import pytest

from mesh import Kind, load
from mesh_plugins.tcp.kinds import KINDS
from tests.stackfiles import loaded, problems


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_factory_and_a_summary(kind: Kind) -> None:
    assert callable(load(kind))
    assert kind.summary.endswith(".")


def test_a_connection_is_named_by_its_port_unless_the_file_says_otherwise() -> None:
    router = loaded("routers:\n- protocol: tcp\n  servers: [{port: 5432}]\n", "f").stack.routers[0]

    assert [chosen.kind.name for chosen in router.protocol.config.identifier] == ["io.l5d.port"]
    assert router.servers[0].extra.tunnel_idle_time_ms == 3_600_000


def test_a_server_needs_a_port() -> None:
    (problem,) = problems("routers:\n- protocol: tcp\n  servers: [{timeoutMs: 1}]\n")

    assert "port" in problem


def test_what_looks_at_messages_is_not_for_connections() -> None:
    (problem,) = problems(
        "routers:\n- protocol: tcp\n  identifier: {kind: io.l5d.header}\n  servers: [{port: 1, timeoutMs: 1}]\n"
    )

    assert "is not for the protocol tcp" in problem
