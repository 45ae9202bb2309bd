"""The services behind the proxies: nginx, quick (`web`) and slow (`slow`), the upload `sink`, `mux` and `thrift`."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from string import Template

import attrs

from tests.bench.client import connect, exchange, request
from tests.bench.errors import ChildError
from tests.bench.needs import find
from tests.bench.processes import Child
from tests.bench.sink import sink
from tests.ports import free_ports

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "templates"
REPLY = "0123456789abcdef" * 4  # 64 bytes
GRPC_MESSAGE = b"\0\0\0\0\x40" + bytes(64)  # one message of 64 bytes, as it goes over the wire
SLOW_RATE = 2000  # requests/s that `slow` answers: far less than a proxy can relay, so that it is the ceiling


@attrs.frozen
class Services:
    """The loopback ports on which the services listen; `h2` on every loopback address; `wide` is 0 unless it was asked for."""

    web: tuple[int, int, int]
    slow: int
    sink: int
    mux: int
    h2: int
    wide: int
    thrift: int


@contextlib.contextmanager
def backend(directory: Path, *, core: int, large_bytes: int, has_wide: bool, descriptors: int) -> Iterator[Services]:
    """Run the services on `core` until the block is left.

    `GET /large` of `web` answers with `large_bytes` bytes. `has_wide` adds a listener on all addresses of 127.0.0.0/8.
    """
    first, second, third, slow, sink_port, mux, h2, wide, thrift = free_ports(9)
    services = Services((first, second, third), slow, sink_port, mux, h2, wide if has_wide else 0, thrift)
    (directory / "reply").write_text(REPLY)
    (directory / "reply.grpc").write_bytes(GRPC_MESSAGE)
    (directory / "mime.types").write_text("application/grpc grpc\n")
    with (directory / "large").open("wb") as large:
        large.truncate(large_bytes)
    (directory / "nginx.conf").write_text(_configuration(directory, services, descriptors))
    command = [find("nginx"), "-e", f"{directory}/nginx.log", "-c", f"{directory}/nginx.conf"]
    nginx = Child(command, core=core, log=directory / "nginx.out", cwd=directory, env=dict(os.environ))
    echoes = [
        Child(
            [sys.executable, "-m", f"tests.bench.{module}", str(port)],
            core=core,
            log=directory / f"{module}.out",
            cwd=ROOT,
            env=dict(os.environ),
        )
        for module, port in (("mux_echo", mux), ("frames", thrift))
    ]
    nghttpd = Child(_nghttpd(directory, h2), core=core, log=directory / "h2.out", cwd=directory, env=dict(os.environ))
    try:
        _await(nginx, third)
        with sink(("127.0.0.1", sink_port)):
            yield services
    finally:
        for child in (nghttpd, *echoes, nginx):
            child.stop()


def render(template: str, **values: object) -> str:
    """Return the template file `template` with `values` put in; a value that is missing is a `KeyError`."""
    return Template((TEMPLATES / template).read_text()).substitute(values)


def _nghttpd(directory: Path, port: int) -> list[str]:
    """Return what serves the files of `directory` over HTTP/2; `reply.grpc` is the reply to a call of gRPC."""
    options = [
        "--no-tls",
        "--htdocs",
        str(directory),
        "--trailer",
        "grpc-status: 0",
        "--mime-types-file",
        str(directory / "mime.types"),
        "--max-concurrent-streams",
        "1000",
    ]
    return [find("nghttpd"), *options, str(port)]


def _configuration(directory: Path, services: Services, descriptors: int) -> str:
    first, second, third = services.web
    wide = render("nginx-wide.conf", port=services.wide, reply=REPLY) if services.wide else ""
    return render(
        "nginx.conf",
        directory=directory,
        descriptors=descriptors,
        reply=REPLY,
        first=first,
        second=second,
        third=third,
        slow=services.slow,
        slow_rate=SLOW_RATE,
        wide=wide,
    )


def _await(nginx: Child, port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        nginx.check_alive()
        try:
            with connect(("127.0.0.1", port)) as connection:
                exchange(connection, request("web"))
                return
        except ConnectionError:
            time.sleep(0.01)
    raise ChildError(f"nginx does not answer\n{nginx.tail()}")
