"""curl through the proxy: a client that was not written for it."""

import pathlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import trio

from tests.e2e.raw import Message, RawConnection, reply
from tests.e2e.stubs import Stub, answering, stub
from tests.proxies import proxy, stack

SECONDS = "60"  # that curl may take

Curl = Callable[..., Awaitable[str]]
"""Runs curl with more arguments against the proxy; returns what it prints."""


def mirror(asked: Message) -> bytes:
    """Return a reply that shows the request line and the size of the body."""
    shown = asked.first + b" %d" % len(asked.body)
    return reply(body=b"" if asked.first.startswith(b"HEAD") else shown)


@pytest.fixture
async def curl(require: Callable[[str], str]) -> AsyncIterator[Curl]:
    program = require("curl")
    async with stub(answering(mirror)) as endpoint, proxy(stack(endpoint.port)) as running:

        async def run(*args: str, target: str = "/") -> str:
            url = f"http://127.0.0.1:{running.ports[0]}{target}"
            command = [program, "-sS", "--max-time", SECONDS, *args, url]
            done = await trio.run_process(command, capture_stdout=True, check=True, stderr=subprocess.STDOUT)
            return done.stdout.decode()

        yield run


async def test_curl_gets(curl: Curl) -> None:
    assert await curl(target="/a?b=c") == "GET /a?b=c HTTP/1.1 0"


async def test_curl_speaks_http_1_0(curl: Curl) -> None:
    assert await curl("--http1.0") == "GET / HTTP/1.1 0"


async def test_curl_asks_for_the_head_alone(curl: Curl) -> None:
    assert (await curl("--head")).startswith("HTTP/1.1 200 OK\r\n")


async def test_curl_gets_twice_over_one_connection(curl: Curl) -> None:
    shown = await curl("-w", "[%{num_connects}]", target="/[1-2]")

    assert shown == "GET /1 HTTP/1.1 0[1]GET /2 HTTP/1.1 0[0]"


@pytest.mark.slow
async def test_curl_uploads_a_file_of_known_size(curl: Curl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)

    assert await curl("-T", str(tmp_path / "file"), target="/up") == "PUT /up HTTP/1.1 3000000"


@pytest.mark.slow
async def test_curl_uploads_in_chunks_and_waits_to_be_told_to(curl: Curl, tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)

    args = ("-T", str(tmp_path / "file"), "-H", "Transfer-Encoding: chunked", "-H", "Expect: 100-continue")
    assert await curl(*args, target="/up") == "PUT /up HTTP/1.1 3000000"


async def test_curl_posts_a_form(curl: Curl) -> None:
    assert await curl("-d", "a=1&b=2") == "POST / HTTP/1.1 7"


async def test_curl_reads_an_error_of_the_proxy(curl: Curl) -> None:
    shown = await curl("-i", "-H", "l5d-dtab: nonsense", "-w", "%{http_code}")

    assert shown.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert shown.endswith("400")


async def test_curl_reads_the_refusal_of_a_large_upload(require: Callable[[str], str], tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 20_000_000)

    async def refuse(_stub: Stub, connection: RawConnection) -> None:
        await connection.head()
        await connection.send(reply(413, body=b"too much"))

    async with stub(refuse) as endpoint, proxy(stack(endpoint.port)) as running:
        url = f"http://127.0.0.1:{running.ports[0]}/"
        command = [require("curl"), "-sS", "-T", str(tmp_path / "file"), "-H", "Expect:", "-w", "%{http_code}", url]
        done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)

    assert done.stdout == b"too much413"
