"""`linker run` as a process: it starts, serves, drains and says what is wrong."""

import signal
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.e2e.processes import SECONDS, exchange, get, started

STACK = """\
admin:
  port: {admin}
  shutdownGraceMs: {grace}
routers:
- protocol: http
  dtab: /svc/web => /$/inet/127.0.0.1/{backend}
  servers:
  - port: {port}
"""


class Backend(ThreadingHTTPServer):
    """Answers `/` at once; `/slow` reports its arrival and waits for `go`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.arrived = threading.Event()
        self.go = threading.Event()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Backend

    def do_GET(self) -> None:
        if self.path == "/slow":
            self.server.arrived.set()
            self.server.go.wait(SECONDS)
        self.send_response(200)
        self.send_header("content-length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Say nothing."""


class Asker(threading.Thread):
    """Sends a request from a thread of its own; `reply` is what came back."""

    def __init__(self, address: tuple[str, int], target: str) -> None:
        super().__init__(daemon=True)
        self._address = address
        self._target = target
        self.reply = b""

    def run(self) -> None:
        try:
            self.reply = get(self._address, "web", self._target)
        except OSError as error:
            self.reply = str(error).encode()


@pytest.fixture
def backend() -> Iterator[Backend]:
    server = Backend()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def stack_file(folder: Path, backend: Backend, *, port: int = 0, admin: int = 0, grace: int = 5000) -> str:
    path = folder / "stack.yaml"
    path.write_text(STACK.format(port=port, admin=admin, grace=grace, backend=backend.server_port))
    return str(path)


def test_a_request_is_routed_and_what_listens_where_is_said(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend), folder=tmp_path) as linker:
        router, admin = linker.address("http"), linker.address("admin")

        routed, pinged = get(router, "web"), get(admin, "admin", "/admin/ping")

    assert (routed.partition(b"\r\n")[0], routed[-5:]) == (b"HTTP/1.1 200 OK", b"hello")
    assert pinged.endswith(b"pong")


def test_warnings_and_the_log_go_to_standard_error(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend), folder=tmp_path) as linker:
        linker.address("admin")
        linker.end()

    log = (tmp_path / "log").read_text().splitlines()
    assert log[0].startswith("warning: ")
    assert log[-1].endswith("INFO mesh.linker.run: draining for up to 5 s")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_process(tmp_path: Path, backend: Backend, number: int) -> None:
    with started("run", stack_file(tmp_path, backend), folder=tmp_path) as linker:
        linker.address("admin")

        assert linker.end(number) == 0


def test_a_request_in_progress_is_finished_before_the_end(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend), folder=tmp_path) as linker:
        router, admin = linker.address("http"), linker.address("admin")
        asker = Asker(router, "/slow")
        asker.start()
        assert backend.arrived.wait(SECONDS)

        linker.process.send_signal(signal.SIGTERM)
        _wait_until_draining(admin)
        backend.go.set()
        asker.join(SECONDS)

        with pytest.raises(ConnectionRefusedError):
            get(router, "web")
        assert asker.reply.endswith(b"hello")
        assert linker.process.wait(SECONDS) == 0


def test_a_second_signal_ends_it_at_once(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend, grace=600_000), folder=tmp_path) as linker:
        router, admin = linker.address("http"), linker.address("admin")
        asker = Asker(router, "/slow")
        asker.start()
        assert backend.arrived.wait(SECONDS)
        linker.process.send_signal(signal.SIGTERM)
        _wait_until_draining(admin)

        assert linker.end() == 0
        asker.join(SECONDS)
        assert not asker.reply.endswith(b"hello")


def test_the_grace_time_is_the_longest_that_a_request_may_take(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend, grace=50), folder=tmp_path) as linker:
        asker = Asker(linker.address("http"), "/slow")
        asker.start()
        assert backend.arrived.wait(SECONDS)

        assert linker.end() == 0


def test_the_admin_page_ends_it_too(tmp_path: Path, backend: Backend) -> None:
    with started("run", stack_file(tmp_path, backend), folder=tmp_path) as linker:
        reply = exchange(
            linker.address("admin"),
            "POST /admin/shutdown HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        )

        assert b" 200 OK\r\n" in reply
        assert linker.process.wait(SECONDS) == 0


@pytest.mark.parametrize("taken", ["port", "admin"])
def test_a_port_in_use_is_one_message(tmp_path: Path, backend: Backend, taken: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with started("run", stack_file(tmp_path, backend, **{taken: port}), folder=tmp_path) as linker:
            status = linker.process.wait(SECONDS)

    assert status == 1
    assert (tmp_path / "log").read_text().splitlines()[1:] == [
        f"linker: cannot listen on 127.0.0.1:{port}: Address already in use"
    ]


def test_a_file_that_is_not_there_is_one_message(tmp_path: Path) -> None:
    with started("run", "nowhere.yaml", folder=tmp_path) as linker:
        status = linker.process.wait(SECONDS)

    assert (status, (tmp_path / "log").read_text()) == (1, "nowhere.yaml: there is no such file\n")


def test_all_that_is_wrong_with_a_file_is_said_at_once(tmp_path: Path, backend: Backend) -> None:
    path = Path(stack_file(tmp_path, backend))
    path.write_text(path.read_text().replace("dtab:", "dtap:").replace("protocol: http", "protocol: htpp"))

    with started("run", "stack.yaml", folder=tmp_path) as linker:
        status = linker.process.wait(SECONDS)

    log = (tmp_path / "log").read_text().splitlines()
    assert status == 1
    assert [line.split(": ")[:2] for line in log] == [["stack.yaml, line 5, column 13", "routers[0].protocol"]]


def _wait_until_draining(admin: tuple[str, int]) -> None:
    """Return once the process says that it is not ready for requests any more."""
    for _attempt in range(1000):
        if b" 503 " in get(admin, "admin", "/admin/ready").partition(b"\r\n")[0]:
            return
    raise TimeoutError("the process does not begin to drain")
