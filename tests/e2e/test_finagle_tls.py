"""TLS between Finagle's own clients and servers, with the linker in the middle: each side shows its certificate to the next."""

from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority, Files
from tests.e2e.finagle.between import Route, to
from tests.e2e.finagle.peer import Finagle
from tests.e2e.finagle.recording import recording
from tests.proxies import proxy

HANDSHAKE = 0x16  # the type of the record that a client of TLS begins with. Source: RFC 8446 section 5.1


def finagles(files: Files, authority: Authority, name: str = "") -> dict[str, str]:
    """Return what Finagle is told of TLS."""
    return {"cert": files.cert, "key": files.key, "ca": authority.path, "name": name}


@pytest.mark.parametrize("protocol", ["mux", "thriftmux", "thrift"])
async def test_calls_pass_and_every_side_is_known(finagle: Finagle, tmp_path: Path, protocol: str) -> None:
    authority = Authority(tmp_path)
    caller, ours, theirs = (authority.issue(f"{name}.test", file=name) for name in ("caller", "linker", "users"))
    server = await finagle.serve(protocol, tls=finagles(theirs, authority))
    accepts = {"tls": ours.keys(caCertPath=authority.path, requireClientAuth=True, clientNames=["caller.test"])}
    trusts = {"commonName": "users.test", "trustCerts": [authority.path], "clientAuth": ours.keys()}
    async with (
        recording(server.port) as upstream,
        proxy(Route(protocol, to(upstream.port), server=accepts, client={"tls": trusts}).stack) as linker,
        recording(linker.ports[0]) as downstream,
    ):
        client = await finagle.client(protocol, downstream.port, tls=finagles(caller, authority, "linker.test"))

        ended = await client.call(**call(protocol, "hi"))
        seen = await server.request()
        await client.close()

    assert ended["event"] == "reply", ended
    assert seen["body"] == ended["body"] or ended["text"] == "hi"
    assert [side.connections[0].sent[0] for side in (downstream, upstream)] == [HANDSHAKE, HANDSHAKE]


@pytest.mark.parametrize("protocol", ["mux", "thriftmux", "thrift"])
async def test_a_client_of_another_authority_gets_nowhere(finagle: Finagle, tmp_path: Path, protocol: str) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    stranger, ours = other.issue("caller.test", file="stranger"), authority.issue("linker.test", file="linker")
    server = await finagle.serve(protocol)
    accepts = {"tls": ours.keys(caCertPath=authority.path, requireClientAuth=True)}
    async with proxy(Route(protocol, to(server.port), server=accepts).stack, warnings=True) as linker:
        client = await finagle.client(protocol, linker.ports[0], tls={**finagles(stranger, authority, "linker.test")})

        ended = await client.call(**call(protocol, "hi"))
        await client.close()

    assert ended["event"] == "failure"


def call(protocol: str, text: str) -> dict[str, Any]:
    return {"body": text.encode().hex()} if protocol == "mux" else {"method": "echo", "text": text}
