"""What routers of Thrift, Mux and ThriftMux share with those of HTTP: introductions, logs, traces, cleared contexts."""

import contextlib
import json
import logging
import pathlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from mesh import Buffered, Connection, Context, Dtab, Endpoint, Life, Limits, Path, Request, Session, connect
from mesh_plugins.mux.message import MuxRequest
from mesh_plugins.mux.session import MuxSession
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, read_request
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.wire import CALL, REPLY
from tests.e2e.stubs import stub
from tests.e2e.thrift_peers import Echo
from tests.mux_endpoints import mux_endpoint
from tests.ports import free_port
from tests.proxies import Proxy, one, proxy, stacks
from tests.waiting import until

PROTOCOLS = ("thrift", "mux", "thriftmux")
SAID = b"PROXY TCP4 192.0.2.7 192.0.2.8 1111 80\r\n"
ELSEWHERE = "/svc => /$/fail;"


@contextlib.asynccontextmanager
async def endpoint(protocol: str) -> AsyncIterator[int]:
    """Serve the protocol on a free port, and echo."""
    if protocol == "thrift":
        async with stub(Echo()) as thrift:
            yield thrift.port
    else:
        async with mux_endpoint() as mux:
            yield mux.port


def router(protocol: str, port: int, **keys: Any) -> dict[str, Any]:
    return {**one(port, **keys), "protocol": protocol, **({"experimental": True} if protocol == "thriftmux" else {})}


def request(protocol: str, dtab: str = "") -> Request:
    """Return a call of `echo`, with an override."""
    message = BINARY.message(CALL if protocol == "thrift" else REPLY, b"echo", 7, b"\0")
    rules = Dtab.read(dtab)
    if protocol == "thrift":
        delegations = [(rule.prefix.show().encode(), rule.dst.show().encode()) for rule in rules]
        return read_request(message, Context(), RequestHeader(delegations=delegations))
    return MuxRequest(Path.read("/echo"), Buffered(message), dtab=rules if dtab else None)


def session(protocol: str, connection: Connection, life: Life) -> Session:
    if protocol == "thrift":
        return new_session(Peer(BINARY, True, True), Limits())(connection, life)
    return MuxSession(connection, life, Speaking())


async def called(running: Proxy, protocol: str, *, said: bytes = b"", dtab: str = "") -> bool:
    """Make a call of the first router, over a connection that begins with what is said; return whether it was answered."""
    connection = await connect(Endpoint("127.0.0.1", running.ports[0]))
    if said:
        await connection.send_all(said)
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "client")
        with trio.fail_after(10):
            reply = await session(protocol, connection, life)(request(protocol, dtab))
        content = reply.body.buffered or b""
        await reply.aclose()
        life.close()
        nursery.cancel_scope.cancel()
    return content.endswith(b"\0") and b"echo" in content and b"rror" not in content


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_whom_a_proxy_in_front_speaks_for_is_told_to_the_next_and_logged(
    protocol: str, tmp_path: pathlib.Path
) -> None:
    log, port = tmp_path / "access.log", free_port()
    async with endpoint(protocol) as far:
        front = router(protocol, port, server={"proxyProtocol": True}, client={"proxyProtocol": "v2"}, label="front")
        form = "%DOWNSTREAM_REMOTE_ADDRESS% %BYTES_SENT%"
        back = router(
            protocol,
            far,
            server={"port": port, "proxyProtocol": True},
            label="back",
            accessLog=str(log),
            accessLogFormat=form,
        )
        async with proxy(stacks(front, back)) as running:
            answered = [await called(running, protocol, said=SAID) for _ in range(2)]
            await until(lambda: log.exists() and log.read_text().count("\n") == 2)

    assert answered == [True, True]
    assert log.read_text().splitlines() == ["192.0.2.7:1111 17"] * 2


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_traces_are_written_into_the_log(protocol: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "mesh_plugins.telemeters.tracelog")
    async with endpoint(protocol) as far:
        stack = json.loads(stacks(router(protocol, far)))
        stack["telemetry"] = [{"kind": "io.l5d.tracelog", "sampleRate": 1.0}]
        async with proxy(json.dumps(stack)) as running:
            assert await called(running, protocol)

    kinds = sorted(record.getMessage().split()[3] for record in caplog.records if "trace=" in record.getMessage())
    assert kinds == ["client", "server"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("server", "answered"), [({}, False), ({"clearContext": True}, True)])
async def test_a_server_that_clears_the_context_takes_no_overrides(
    protocol: str, server: dict[str, Any], answered: bool
) -> None:
    async with endpoint(protocol) as far, proxy(stacks(router(protocol, far, server=server))) as running:
        assert await called(running, protocol, dtab=ELSEWHERE) is answered
