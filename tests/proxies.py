"""A running linker inside the test's own process, for tests that talk to it through real sockets."""

import contextlib
import functools
import json
import logging
import pathlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

import attrs
import trio

from mesh.config import read_text
from mesh.connecting import CONNECTOR, Connector
from mesh.life import Life
from mesh.linker.assemble import BuiltServer, assemble
from mesh.linker.process import Linker
from mesh.linker.run import running
from mesh.metrics import Metrics, flat
from mesh.params import Params
from mesh.plugins import Kinds, find
from mesh.service import AnyService
from mesh.settings import StackFile
from tests.e2e.raw import RawConnection, connected
from tests.e2e.stubs import OK, Behaviour, Stub, stub


class _Records(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


@attrs.define(eq=False)
class Proxy:
    """A running linker. `ports` are those of its servers, in the order of the stack file."""

    linker: Linker
    _records: _Records

    @property
    def ports(self) -> list[int]:
        return [int(address.rpartition(":")[2]) for address in self.linker.addresses]

    @property
    def admin_port(self) -> int:
        return int(self.linker.admin_address.rpartition(":")[2])

    @property
    def warnings(self) -> list[str]:
        """What was logged as a warning or worse, tracebacks included."""
        shown = logging.Formatter("%(levelname)s %(message)s").format
        return [shown(record) for record in self._records.records if record.levelno >= logging.WARNING]

    @property
    def every_metric(self) -> dict[str, float]:
        """The metrics of the whole linker, by their whole names."""
        return flat(self.linker.metrics)

    def metric(self, name: str) -> float:
        """Return a metric of the router `http`."""
        return self.metrics()[name]

    def metrics(self) -> dict[str, float]:
        """Return all metrics of the router `http`."""
        return flat(self.linker.metrics, "rt/http")

    def connect(self, server: int = 0) -> contextlib.AbstractAsyncContextManager[RawConnection]:
        """Connect to a server; the connection is closed at the end of the block."""
        return connected(self.ports[server])


@functools.cache
def kinds() -> Kinds:
    """Return the kinds of all installed plugins."""
    return find()


def settings_of(text: str) -> StackFile:
    """Return what a stack file says."""
    return read_text(text, file="test.yaml", kinds=kinds()).stack


@contextlib.asynccontextmanager
async def proxy(
    text: str, *, folder: pathlib.Path | str = "", errors: bool = False, warnings: bool = False
) -> AsyncIterator[Proxy]:
    """Run a stack file inside the block. At its end, tracebacks in the log fail the test, other warnings too.

    `warnings` and `errors` let warnings alone, or both, pass.
    """
    loaded = read_text(text, file="test.yaml", kinds=kinds(), folder=folder)
    handler = _Records()
    logger = logging.getLogger()
    logger.addHandler(handler)
    try:
        async with running(loaded.stack, kinds()) as linker:
            built = Proxy(linker, handler)
            yield built
        allowed = logging.CRITICAL if errors else logging.WARNING if warnings else logging.INFO
        wrong = [record.getMessage() for record in handler.records if record.levelno > allowed]
        assert wrong == []
    finally:
        logger.removeHandler(handler)


@contextlib.asynccontextmanager
async def unheard(text: str, connect: Connector) -> AsyncIterator[AnyService]:
    """Build a stack file that reaches its endpoints by `connect`, and yield what takes its first server's requests.

    Nothing listens.
    """
    async with unheard_server(text, connect) as server:
        yield server.service


@contextlib.asynccontextmanager
async def unheard_server(text: str, connect: Connector, metrics: Metrics | None = None) -> AsyncIterator[BuiltServer]:
    """Do as `unheard`, and yield the server, which speaks its protocol over any connection, and counts in `metrics`."""
    async with trio.open_nursery() as nursery:
        life = Life(nursery)
        try:
            params = Params().put(CONNECTOR, connect)
            assembly = assemble(settings_of(text), kinds(), life, metrics or Metrics(), params)
            yield assembly.routers[0].servers[0]
        finally:
            life.close()
            nursery.cancel_scope.cancel()


Keys = Mapping[str, Any]
"""A map of a stack file."""


@contextlib.asynccontextmanager
async def between(
    behave: Behaviour = OK, *, server: Keys | None = None, errors: bool = False, **router: Any
) -> AsyncIterator[tuple[Stub, RawConnection]]:
    """Run a linker with one endpoint, which behaves as told, and connect to it: return both ends."""
    async with (
        stub(behave) as endpoint,
        proxy(stack(endpoint.port, server=server, **router), errors=errors) as running,
        running.connect() as client,
    ):
        yield endpoint, client


def stack(dtab: str | int, *, server: Keys | None = None, namers: list[Keys] | None = None, **router: Any) -> str:
    """Return a stack file of one HTTP router. `dtab` may be the port of the only endpoint."""
    return stacks(one(dtab, server=server, **router), namers=namers)


def one(dtab: str | int, *, server: Keys | None = None, **router: Any) -> dict[str, Any]:
    """Return one HTTP router with one server, on a free port."""
    rules = f"/svc => /$/inet/127.0.0.1/{dtab};" if isinstance(dtab, int) else dtab
    return {"protocol": "http", "dtab": rules, "servers": [{"port": 0, **(server or {})}], **router}


def stacks(*routers: Keys, namers: list[Keys] | None = None, grace_ms: int = 10000) -> str:
    """Return a stack file of several routers."""
    admin = {"port": 0, "shutdownGraceMs": grace_ms}
    return json.dumps({"admin": admin, "namers": namers or [], "routers": routers})


def disco(folder: pathlib.Path, **services: list[int]) -> list[Keys]:
    """Write the endpoints of each service into the folder; return the namer that reads them, `/#/io.l5d.fs`."""
    for name, ports in services.items():
        (folder / name).write_text("".join(f"127.0.0.1 {port}\n" for port in ports))
    return [{"kind": "io.l5d.fs", "rootDir": str(folder)}]


FS = "/svc => /#/io.l5d.fs;"
"""The dtab that takes every name from the folder of `disco`."""
