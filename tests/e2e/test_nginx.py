"""nginx behind the proxy: an endpoint that was not written for it."""

import contextlib
import pathlib
import random
import subprocess
from collections.abc import AsyncIterator, Callable

import pytest
import trio

from tests.e2e.raw import RawConnection, chunked, request
from tests.ports import free_port
from tests.proxies import proxy, stack

CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; root {folder}/files; keepalive_requests 1000; default_type text/plain;
  client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e; client_max_body_size 100k;
  server {{
    listen 127.0.0.1:{port};
    location /empty {{ client_max_body_size 0; return 204; }}
    location /moved {{ return 302 /elsewhere; }}
    location /packed {{ alias {folder}/files/large; gzip on; gzip_proxied any; gzip_types *; gzip_min_length 1; }}
    location /taken {{ client_max_body_size 0; client_body_in_file_only clean; proxy_pass http://127.0.0.1:{port}/empty; }}
    location /last {{ keepalive_timeout 0; return 200 last; }}
  }}
}}
"""
LARGE = random.Random(1).randbytes(2_000_000)


@pytest.fixture
async def client(require: Callable[[str], str], tmp_path: pathlib.Path) -> AsyncIterator[RawConnection]:
    """Run nginx and a proxy before it, and connect to that."""
    program, port = require("nginx"), free_port()
    (tmp_path / "files").mkdir()
    (tmp_path / "files/large").write_bytes(LARGE)
    (tmp_path / "files/small").write_bytes(b"small")
    (tmp_path / "conf").write_text(CONFIGURATION.format(folder=tmp_path, port=port))
    process = subprocess.Popen([program, "-p", str(tmp_path), "-c", str(tmp_path / "conf")], stderr=subprocess.DEVNULL)
    try:
        await _listening(port)
        async with proxy(stack(port)) as running, running.connect() as connection:
            yield connection
    finally:
        process.terminate()
        process.wait(10)


async def _listening(port: int) -> None:
    with trio.fail_after(10):
        while True:
            with contextlib.suppress(OSError):
                async with await trio.open_tcp_stream("127.0.0.1", port):
                    return
            await trio.sleep(0.02)


async def test_files_small_and_large_pass_unchanged(client: RawConnection) -> None:
    await client.send(request(target="/small") + request(target="/large") + request(target="/small"))
    bodies = [(await client.reply()).body for _number in range(3)]

    assert bodies == [b"small", LARGE, b"small"]


async def test_a_compressed_reply_passes_in_chunks(client: RawConnection) -> None:
    await client.send(request("GET", "/packed", "Accept-Encoding: gzip"))
    answer = await client.reply()

    assert (answer.value(b"content-encoding"), answer.value(b"transfer-encoding")) == (b"gzip", b"chunked")
    assert answer.body[:2] == b"\x1f\x8b"


async def test_replies_without_a_body_keep_their_fields(client: RawConnection) -> None:
    await client.send(request("HEAD", "/large"))
    head = await client.reply(bodiless=True)
    etag = (head.value(b"etag") or b"").decode()
    await client.send(request("GET", "/large", f"If-None-Match: {etag}") + request("GET", "/empty"))
    unchanged, empty = await client.reply(), await client.reply()

    assert (head.status, head.value(b"content-length")) == (200, b"%d" % len(LARGE))
    assert (unchanged.status, unchanged.value(b"etag")) == (304, etag.encode())
    assert (empty.status, empty.value(b"content-length")) == (204, None)


async def test_a_part_of_a_file_and_a_redirection_pass(client: RawConnection) -> None:
    await client.send(request("GET", "/large", "Range: bytes=1000-1999") + request("GET", "/moved"))
    part, moved = await client.reply(), await client.reply()

    assert (part.status, part.body) == (206, LARGE[1000:2000])
    assert (moved.status, (moved.value(b"location") or b"").endswith(b"/elsewhere")) == (302, True)


async def test_bodies_are_taken_in_both_framings(client: RawConnection) -> None:
    await client.send(request("POST", "/taken", body=LARGE))
    sized = await client.reply()
    await client.send(request("POST", "/taken", "Transfer-Encoding: chunked") + chunked(LARGE[:70_000], LARGE[70_000:]))
    in_chunks = await client.reply()

    assert (sized.status, in_chunks.status) == (204, 204)


async def test_nginx_says_when_an_awaited_body_may_come(client: RawConnection) -> None:
    await client.send(request("POST", "/taken", "Expect: 100-continue", "Content-Length: 70000"))
    first = await client.reply()
    await client.send(b"x" * 70_000)
    final = await client.reply()

    assert (first.status, final.status) == (100, 204)


async def test_nginxs_refusal_of_a_large_body_comes_before_the_body(client: RawConnection) -> None:
    await client.send(request("POST", "/small", "Content-Length: 10000000"))
    answer = await client.reply()
    closed = await client.is_closed()

    assert (answer.status, answer.value(b"connection"), closed) == (413, b"close", True)


async def test_an_endpoint_that_keeps_no_connection_serves_any_number(client: RawConnection) -> None:
    statuses = []
    for _number in range(20):
        await client.send(request("GET", "/last"))
        statuses.append((await client.reply()).status)

    assert statuses == [200] * 20
