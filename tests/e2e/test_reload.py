"""A stack file that changes while `linker run` serves."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.bench import reloads
from tests.bench.backend import backend
from tests.e2e.processes import SECONDS, Running, exchange, get, started
from tests.e2e.thrift_peers import CALL, frame, message
from tests.proxies import one, stack, stacks

POST = "POST /admin/reload HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nhost: web\r\n\r\n"


def unavailable(path: Path, prefix: str) -> None:
    """Write a stack file whose only name leads nowhere, which its replies say."""
    path.write_text(stack(f"{prefix} => /$/nowhere;"))


IN_FRAMES = {
    "thrift": frame(message(CALL, 1)),
    "mux": bytes.fromhex("0000000e 02 000002 0000 0004 2f776562 0000"),
    "thriftmux": frame(message(CALL, 1)),
}
"""A call of each protocol whose messages are framed; that of Mux is for `/web`."""


def in_frames(prefix: str) -> str:
    """Return a stack file of a router of each of them, in which a name leads nowhere."""
    return stacks(*(one(f"{prefix} => /$/nowhere;", protocol=name, experimental=True) for name in IN_FRAMES))


def framed_answer(sock: socket.socket, asked: bytes) -> bytes:
    sock.sendall(asked)
    with sock.makefile("rb") as file:
        return file.read(int.from_bytes(file.read(4), "big"))


@pytest.fixture
def linker(tmp_path: Path) -> Iterator[Running]:
    unavailable(tmp_path / "stack.yaml", "/svc/first")
    with started("run", "stack.yaml", folder=tmp_path) as running:
        yield running


def answer(sock: socket.socket) -> bytes:
    sock.sendall(GET)
    received = b""
    while b"\r\n\r\n" not in received:
        received += sock.recv(65536)
    return received


def metric(admin: tuple[str, int], name: str) -> float:
    reply = get(admin, "a", f"/admin/metrics.json?q={name}")
    return float(reply.rpartition(b":")[2].rstrip(b"}\n"))


def test_a_signal_puts_the_changed_file_into_force_for_live_connections(linker: Running, tmp_path: Path) -> None:
    router, admin = linker.address("http"), linker.address("admin")
    with socket.create_connection(router, SECONDS) as sock:
        before = answer(sock)
        unavailable(tmp_path / "stack.yaml", "/svc/web")

        os.kill(linker.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + SECONDS
        while metric(admin, "config/reloads") != 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        after = answer(sock)

    assert (b"/$/nowhere" in before, b"/$/nowhere" in after) == (False, True)


def test_live_connections_of_thrift_and_mux_follow_the_changed_file(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(in_frames("/svc/first"))
    with started("run", "stack.yaml", folder=tmp_path) as linker, contextlib.ExitStack() as opened:
        socks = {
            label: opened.enter_context(socket.create_connection(linker.address(label), SECONDS)) for label in IN_FRAMES
        }
        admin = linker.address("admin")
        before = [framed_answer(socks[label], asked) for label, asked in IN_FRAMES.items()]
        path.write_text(in_frames("/svc"))

        os.kill(linker.process.pid, signal.SIGHUP)
        deadline = time.monotonic() + SECONDS
        while metric(admin, "config/reloads") != 1 and time.monotonic() < deadline:
            time.sleep(0.02)
        after = [framed_answer(socks[label], asked) for label, asked in IN_FRAMES.items()]

    assert [[b"/$/nowhere" in answered for answered in answers] for answers in (before, after)] == [
        [False] * 3,
        [True] * 3,
    ]


def test_a_wrong_file_is_refused_with_the_reasons_and_everything_goes_on(linker: Running, tmp_path: Path) -> None:
    router, admin = linker.address("http"), linker.address("admin")
    (tmp_path / "stack.yaml").write_text("routers: [{protocol: http, dtap: x, servers: [{port: 99999}]}]")

    reply = exchange(admin, POST)

    assert reply.startswith(b"HTTP/1.1 400 ")
    assert (b"stack.yaml, line 1" in reply, b"did you mean dtab" in reply, b"99999" in reply) == (True, True, True)
    assert b" 502 " in get(router, "web").partition(b"\r\n")[0]
    assert linker.end() == 0


@pytest.mark.slow
def test_no_request_fails_and_nothing_grows_under_load(tmp_path: Path, require: Callable[[str], str]) -> None:
    for program in ("nginx", "wrk", "taskset"):
        require(program)
    with backend(tmp_path, core=0, large_bytes=1, has_wide=False, descriptors=1024) as services:
        result = reloads.measure(tmp_path, services, 12)

    assert (result.failed, result.reloads, result.requests > 100) == (0, 12, True)
    assert result.kib[1] - result.kib[0] < reloads.GROWTH_KIB
