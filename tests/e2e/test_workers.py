"""`linker run --workers`: several processes on the same addresses, and one that looks after them."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench import reloads
from tests.bench.backend import backend
from tests.e2e.processes import SECONDS, Running, exchange, get, started
from tests.proxies import stack

Address = tuple[str, int]

pytestmark = pytest.mark.slow


class Endpoint(threading.Thread):
    """Answers every connection once with `text`, after `go` if the request says `/slow`."""

    def __init__(self, text: bytes) -> None:
        super().__init__(daemon=True)
        self.go = threading.Event()
        self.arrived = threading.Event()
        self._text = text
        self._sock = socket.create_server(("127.0.0.1", 0))
        self.port = self._sock.getsockname()[1]
        self.start()

    def run(self) -> None:
        while True:
            sock, _peer = self._sock.accept()
            threading.Thread(target=self._answer, args=(sock,), daemon=True).start()

    def _answer(self, sock: socket.socket) -> None:
        with sock:
            if sock.recv(65536).startswith(b"GET /slow"):
                self.arrived.set()
                self.go.wait(SECONDS)
            sock.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(self._text))
            sock.sendall(self._text)


@pytest.fixture(scope="module")
def first() -> Endpoint:
    return Endpoint(b"first")


@pytest.fixture(scope="module")
def second() -> Endpoint:
    return Endpoint(b"second")


@pytest.fixture
def linker(tmp_path: Path, first: Endpoint) -> Iterator[Running]:
    (tmp_path / "stack.yaml").write_text(stack(first.port))
    with started("run", "--workers", "2", "stack.yaml", folder=tmp_path) as running:
        yield running


def addresses(linker: Running) -> tuple[Address, Address]:
    return linker.address("http"), linker.address("admin")


def shown(admin: Address, path: str) -> Any:
    return json.loads(get(admin, "a", path).partition(b"\r\n\r\n")[2])


def bodies(router: Address, count: int = 20) -> set[bytes]:
    return {get(router, "web").rpartition(b"\r\n\r\n")[2] for _number in range(count)}


def post(admin: Address, path: str) -> bytes:
    return exchange(admin, f"POST {path} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_ready(admin: Address) -> bool:
    return b" 200 " in get(admin, "a", "/admin/ready").partition(b"\r\n")[0]


def test_all_workers_serve_and_the_admin_server_shows_the_sum_and_each(linker: Running) -> None:
    router, admin = addresses(linker)
    name = "rt/http/server/127.0.0.1/0/requests"

    served = bodies(router, 40)
    each = [shown(admin, f"/admin/metrics.json?worker={number}").get(name, 0) for number in (0, 1)]

    assert served == {b"first"}
    assert (sum(each), shown(admin, "/admin/metrics.json")[name], min(each) > 0) == (40, 40, True)
    assert [one["ready"] for one in shown(admin, "/admin/workers.json")] == [True, True]
    assert linker.end() == 0


def test_a_worker_that_dies_is_replaced_and_who_waits_for_it_is_served(linker: Running) -> None:
    router, admin = addresses(linker)
    before = [one["pid"] for one in shown(admin, "/admin/workers.json")]

    os.kill(before[0], signal.SIGSTOP)  # who comes now waits in its queue
    waiting = [socket.create_connection(router, SECONDS) for _number in range(16)]
    for sock in waiting:
        sock.sendall(b"GET / HTTP/1.1\r\nhost: web\r\nconnection: close\r\n\r\n")
    os.kill(before[0], signal.SIGKILL)
    answers = [sock.recv(65536)[:15] for sock in waiting]
    for sock in waiting:
        sock.close()
    until(lambda: is_ready(admin))
    after = shown(admin, "/admin/workers.json")

    assert set(answers) == {b"HTTP/1.1 200 OK"}
    assert (after[0]["pid"] != before[0], after[1]["pid"], after[0]["restarts"]) == (True, before[1], 1)


def test_a_reload_reaches_all_workers(linker: Running, tmp_path: Path, second: Endpoint) -> None:
    router, admin = addresses(linker)
    (tmp_path / "stack.yaml").write_text(stack(second.port))

    reply = post(admin, "/admin/reload")

    assert b" 200 OK" in reply
    assert bodies(router) == {b"second"}
    until(lambda: shown(admin, "/admin/metrics.json")["config/reloads"] == 1)


def test_a_file_that_is_wrong_reaches_none(linker: Running, tmp_path: Path) -> None:
    router, admin = addresses(linker)
    (tmp_path / "stack.yaml").write_text(stack(80, filters={"server": [{"remove": "nothing"}]}))

    reply = post(admin, "/admin/reload")

    assert (b" 400 " in reply, b"no role nothing" in reply) == (True, True)
    assert bodies(router) == {b"first"}


def test_a_worker_that_starts_after_a_reload_has_what_is_in_force(
    linker: Running, tmp_path: Path, second: Endpoint
) -> None:
    router, admin = addresses(linker)
    (tmp_path / "stack.yaml").write_text(stack(second.port))
    post(admin, "/admin/reload")
    (tmp_path / "stack.yaml").write_text("nothing: right")

    died = shown(admin, "/admin/workers.json")[0]["pid"]
    os.kill(died, signal.SIGKILL)
    until(lambda: shown(admin, "/admin/workers.json")[0]["pid"] not in (died, None))
    until(lambda: is_ready(admin))

    assert bodies(router) == {b"second"}


def test_a_request_in_progress_is_finished_before_the_end(linker: Running, first: Endpoint, tmp_path: Path) -> None:
    router, _admin = addresses(linker)
    first.go.clear()
    first.arrived.clear()
    replies: list[bytes] = []
    asker = threading.Thread(target=lambda: replies.append(get(router, "web", "/slow")))
    asker.start()
    assert first.arrived.wait(SECONDS)

    linker.process.send_signal(signal.SIGTERM)
    until(lambda: "draining" in (tmp_path / "log").read_text())
    first.go.set()
    asker.join(SECONDS)

    assert linker.process.wait(SECONDS) == 0
    assert replies[0].endswith(b"first")


def test_workers_end_when_their_supervisor_is_killed(linker: Running) -> None:
    _router, admin = addresses(linker)
    pids = [one["pid"] for one in shown(admin, "/admin/workers.json")]

    linker.end(signal.SIGKILL)

    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_port_that_somebody_shares_is_refused_all_the_same(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "stack.yaml").write_text(stack(80, server={"port": port}))
        with started("run", "--workers", "2", "stack.yaml", folder=tmp_path) as running:
            status = running.process.wait(SECONDS)

    assert status == 1
    assert f"linker: cannot listen on 127.0.0.1:{port}: Address already in use" in (tmp_path / "log").read_text()


def test_no_request_fails_while_workers_reload(tmp_path: Path, require: Callable[[str], str]) -> None:
    for program in ("nginx", "wrk", "taskset"):
        require(program)
    with backend(tmp_path, core=0, large_bytes=1, has_wide=False, descriptors=1024) as services:
        result = reloads.measure(tmp_path, services, 6, workers=2)

    assert (result.failed, result.reloads) == (0, 6)
