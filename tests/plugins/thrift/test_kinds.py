"""The protocol `thrift` and its kinds, as a stack file names them."""

import pytest

from mesh import Kind, load
from mesh_plugins.thrift.kinds import KINDS
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY
from mesh_plugins.thrift.protocol import peer_of
from tests.stackfiles import loaded, problems


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_factory_and_a_summary(kind: Kind) -> None:
    assert callable(load(kind))
    assert kind.summary.endswith(".")


def test_the_defaults_are_linkerds() -> None:
    router = loaded("routers:\n- protocol: thrift\n  servers: [{}]\n", "f").stack.routers[0]

    assert (router.label, router.servers[0].port, router.servers[0].extra.thrift_framed) == ("thrift", 4114, True)
    assert router.protocol.config.thrift_method_in_dst is False
    peer = peer_of(router.client.default.extra, router.protocol.config.thrift_protocol)
    assert (peer.encoding, peer.is_framed, peer.upgrades) == (BINARY, True, False)


def test_each_side_may_speak_another_protocol() -> None:
    router = loaded(
        "routers:\n- protocol: thrift\n  thriftProtocol: compact\n  servers: [{thriftProtocol: binary}]\n"
        "  client: {thriftFramed: false, attemptTTwitterUpgrade: true}\n",
        "f",
    ).stack.routers[0]

    peer = peer_of(router.client.default.extra, router.protocol.config.thrift_protocol)
    assert (peer.encoding, peer.is_framed, peer.upgrades) == (COMPACT, False, True)
    assert router.servers[0].extra.thrift_protocol == "binary"


def test_a_client_may_speak_the_old_binary_protocol() -> None:
    text = "routers:\n- protocol: thrift\n  servers: [{}]\n  client: {thriftProtocol: oldBinary}\n"
    router = loaded(text, "f").stack.routers[0]

    assert peer_of(router.client.default.extra, "binary").encoding is OLD_BINARY


def test_a_protocol_that_is_none_is_refused() -> None:
    (problem,) = problems("routers:\n- protocol: thrift\n  thriftProtocol: json\n  servers: [{timeoutMs: 1}]\n")

    assert "thriftProtocol" in problem
