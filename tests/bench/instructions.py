"""`python -m tests.bench.instructions`: how many instructions a request takes, by default, with each feature, and by protocol.

A time means little on a busy machine; this figure is the same to 0.3 % in each run, and shows what a change of a few lines
brings. Each variant is a router in a process of its own under valgrind, between a client that asks and endpoints that answer
from memory: all of the stacks and both halves of the codec, without a system call, or the scheduling of tasks.
"""

import contextlib
import gc
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable

import attrs
import click
import trio

from mesh import Connection, Connector, Endpoint, Serve, Switch
from tests.bench import frames, mux_canned, streams
from tests.bench.costs import DEFAULT, DTAB, Canned, canned
from tests.bench.errors import ChildError, MissingProgram
from tests.bench.features import OFF, ON, PRODUCTION, Feature
from tests.bench.needs import check, find
from tests.proxies import stack, unheard_server

REQUEST = b"GET / HTTP/1.1\r\nhost: web\r\nuser-agent: bench\r\naccept: */*\r\n\r\n"
WARM = 200  # requests three times: then CPython has specialised what it will
COLLECTED = re.compile(r"Collected : (\d+)")
SECONDS = 300.0  # how long one variant may take at most


class Asking(Canned):
    """A connection with a client that asks `left` times, each time when it is read, and closes then."""

    def __init__(self, left: int, request: bytes = REQUEST) -> None:
        super().__init__(Endpoint("127.0.0.1", 50000))
        self.local = "127.0.0.1:4140"
        self._left = left
        self._request = request

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        """Return a request, or the end."""
        self._left -= 1
        return self._request if self._left >= 0 else b""


@attrs.frozen
class Variant:
    """A router whose requests are counted; `ask` has so many of them served."""

    what: str
    stack: str
    connect: Connector
    ask: Callable[[Serve, Switch, int], Awaitable[None]]


async def _ask(serve: Serve, switch: Switch, requests: int) -> None:
    await serve(Asking(requests), switch)


async def _call(serve: Serve, switch: Switch, calls: int) -> None:
    await serve(Asking(calls, frames.CALL), switch)


async def _echo(endpoint: Endpoint) -> Connection:
    return Canned(endpoint, frames.REPLY)


def _http(feature: Feature) -> Variant:
    return Variant(feature.what, stack(DTAB, server=feature.server, **feature.router), canned, _ask)


VARIANTS = (
    *map(_http, (DEFAULT, PRODUCTION, *ON, *OFF)),
    Variant("a request of HTTP/2", stack(DTAB, protocol="h2"), streams.answering, streams.ask),
    Variant("a call of gRPC", stack(DTAB, protocol="grpc"), streams.replying, streams.call),
    Variant("a call of Thrift", stack(DTAB, protocol="thrift"), _echo, _call),
    Variant("a call of Mux", stack(DTAB, protocol="mux"), mux_canned.answering, mux_canned.ask),
)


def count(what: str, requests: int) -> float:
    """Return the instructions of a request of a variant. Raises `ChildError` if that was not to be counted."""
    with tempfile.TemporaryDirectory(prefix="linker-instructions-") as folder:
        counter = [find("valgrind"), "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        counted = [sys.executable, "-m", "tests.bench.instructions", "--requests", str(requests), "--counted"]
        environment = os.environ | {"PYTHONHASHSEED": "0"}  # which decides how full the slots of dicts are
        ended = subprocess.run(
            [*counter, *counted, what],
            capture_output=True,
            text=True,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    return collected(ended.stderr) / requests


def collected(log: str) -> int:
    """Return the instructions that valgrind tells of at its end; raises `ChildError` if it tells of none."""
    told = COLLECTED.search(log)
    if told is None or not int(told[1]):
        raise ChildError(f"valgrind counted nothing: {log[-2000:]}")
    return int(told[1])


async def serve(variant: Variant, requests: int) -> None:
    """Serve requests, and have those after the first ones counted."""
    gc.disable()  # whose work falls on some requests and not on others
    async with unheard_server(variant.stack, variant.connect) as server:
        for _ in range(3):
            await variant.ask(server.serve, Switch(server.service), WARM)
        await trio.to_thread.run_sync(_switch, "on")
        await variant.ask(server.serve, Switch(server.service), requests)
        await trio.to_thread.run_sync(_switch, "off")


def _switch(state: str) -> None:
    command = [find("callgrind_control"), f"--instr={state}", str(os.getpid())]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


@click.command()
@click.option("--only", default="", help="Only those whose names hold this.")
@click.option("--requests", default=1000, show_default=True, help="How many are counted.")
@click.option("--counted", hidden=True, help="Be the process that is counted, of this name.")
def main(only: str, requests: int, counted: str | None) -> None:
    """Count the instructions of a request: by default, with each feature, and of other protocols."""
    if counted is not None:
        variant = next(variant for variant in VARIANTS if variant.what == counted)
        with tempfile.TemporaryDirectory(prefix="linker-counted-") as folder, contextlib.chdir(folder):
            trio.run(serve, variant, requests)
        return
    try:
        check(["valgrind", "callgrind_control"])
    except MissingProgram as error:
        raise click.ClickException(str(error)) from error
    for variant in VARIANTS:
        if only in variant.what:
            click.echo(f"{count(variant.what, requests):10,.0f}  {variant.what}")


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.instructions")
