"""The PROXY protocol on both sides: what a proxy in front says, and what endpoints that were not written for us are told."""

import contextlib
import pathlib
import subprocess
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from tests.certificates import Authority
from tests.e2e.raw import request
from tests.e2e.stubs import OK, stub
from tests.ports import free_port
from tests.proxies import proxy, stack

SAID = b"PROXY TCP4 192.0.2.7 192.0.2.8 1111 80\r\n"
NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; default_type text/plain;
  server {{
    listen 127.0.0.1:{port} proxy_protocol{tls};
    location / {{ return 200 "$proxy_protocol_addr $proxy_protocol_port to $proxy_protocol_server_port"; }}
  }}
}}
"""


@pytest.fixture
async def nginx(
    request: pytest.FixtureRequest, require: Callable[[str], str], tmp_path: pathlib.Path
) -> AsyncIterator[int]:
    """Run an nginx that expects the PROXY protocol, and says whom it was told; return its port. With TLS, if asked to."""
    program = require("nginx")
    port = free_port()
    tls = ""
    if getattr(request, "param", False):
        files = Authority(tmp_path).issue("web.example")
        tls = f" ssl; ssl_certificate {files.cert}; ssl_certificate_key {files.key}"
    (tmp_path / "conf").write_text(NGINX.format(folder=tmp_path, port=port, tls=tls))
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "conf")], stderr=subprocess.DEVNULL)
    try:
        with trio.fail_after(10):
            while not await _listens(port):
                await trio.sleep(0.02)
        yield port
    finally:
        process.terminate()
        process.wait(10)


async def lines_of(path: pathlib.Path, count: int) -> list[str]:
    """Wait until a log has so many lines, and return them."""
    with trio.fail_after(10):
        while not path.exists() or path.read_text().count("\n") < count:
            await trio.sleep(0.01)
    return path.read_text().splitlines()


async def _listens(port: int) -> bool:
    with contextlib.suppress(OSError):
        async with await trio.open_tcp_stream("127.0.0.1", port):
            return True
    return False


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_nginx_is_told_who_the_client_of_each_request_is(nginx: int, version: str) -> None:
    async with (
        proxy(stack(nginx, client={"proxyProtocol": version})) as running,
        running.connect() as one,
        running.connect() as other,
    ):
        told = []
        for client in (one, other, one):
            await client.send(request())
            told.append((await client.reply()).body.decode())
        ports = [client.stream.socket.getsockname()[1] for client in (one, other, one)]

    assert told == [f"127.0.0.1 {port} to {running.ports[0]}" for port in ports]


@pytest.mark.parametrize("nginx", [True], indirect=True)
@pytest.mark.parametrize("protocol", ["http", "tcp"])
async def test_nginx_is_told_before_tls_begins(nginx: int, protocol: str, tmp_path: pathlib.Path) -> None:
    tls = {"commonName": "web.example", "trustCerts": [str(tmp_path / "ca.pem")]}
    async with (
        proxy(stack(nginx, protocol=protocol, client={"proxyProtocol": "v2", "tls": tls})) as running,
        running.connect() as client,
    ):
        await client.send(request())
        told = (await client.reply()).body.decode()
        port = client.stream.socket.getsockname()[1]

    assert told == f"127.0.0.1 {port} to {running.ports[0]}"


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_nginx_behind_a_tcp_router_is_told_who_the_client_is(nginx: int, version: str) -> None:
    async with (
        proxy(stack(nginx, protocol="tcp", client={"proxyProtocol": version})) as running,
        running.connect() as client,
    ):
        await client.send(request())
        told = (await client.reply()).body.decode()
        port = client.stream.socket.getsockname()[1]

    assert told == f"127.0.0.1 {port} to {running.ports[0]}"


async def test_whom_a_proxy_in_front_speaks_for_is_whom_nginx_is_told(nginx: int) -> None:
    text = stack(nginx, server={"proxyProtocol": True}, client={"proxyProtocol": "v2"})
    async with proxy(text) as running, running.connect() as client:
        await client.send(SAID + request())
        told = (await client.reply()).body.decode()

    assert told == f"192.0.2.7 1111 to {running.ports[0]}"


async def test_whom_a_proxy_in_front_speaks_for_is_in_the_log_and_in_forwarded(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    server = {"proxyProtocol": True, "addForwardedHeader": {"by": {"kind": "router"}, "for": {"kind": "ip:port"}}}
    async with stub(OK) as endpoint:
        text = stack(endpoint.port, server=server, httpAccessLog=str(log), httpAccessLogFormat="json")
        async with proxy(text) as running, running.connect() as client:
            await client.send(SAID + request())
            await client.reply()
        (line,) = await lines_of(log, 1)
    (seen,) = endpoint.requests

    assert "192.0.2.7:1111" in line
    assert b'for="192.0.2.7:1111"' in (seen.value(b"forwarded") or b"")
