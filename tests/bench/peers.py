"""The proxies that are measured, each with the configuration it is started with."""

import contextlib
import os
import socket
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from shutil import copyfile
from tempfile import mkdtemp
from typing import ClassVar, Literal

import attrs

from tests.bench import frames, h2load
from tests.bench.backend import TEMPLATES, Services, render
from tests.bench.client import Address, connect, exchange, request
from tests.bench.errors import ChildError, MissingProgram, ReplyError, WrkError
from tests.bench.handshakes import connect_with_tls, context
from tests.bench.mux_load import call
from tests.bench.needs import find
from tests.bench.processes import Child
from tests.certificates import Files
from tests.e2e.finagle.building import CannotBuild, command
from tests.ports import free_ports

LIMIT = 64  # requests in flight that a limited peer lets in
MUX_NAME = "/echo"  # the destination of calls over Mux
READY_SECONDS = 30.0

Case = Literal["small", "filters", "names", "limited", "tls", "production", "h2", "mux", "thrift"]


@attrs.frozen
class Ground:
    """Where peers live: a directory for their files, the core they run on, and the services they reach.

    `endpoints` is how many dentries and endpoints the case `names` has; `large` is the file that is uploaded,
    and `certificate` what is shown in the case `tls`.
    """

    directory: Path
    core: int
    services: Services
    endpoints: int
    large: Path
    certificate: Files


class Peer(ABC):
    """One proxy as a process of its own, with a fresh directory, fresh ports and a fresh heap.

    The mutable state is the process: nothing before `start`, nothing after `stop`.
    """

    name: ClassVar[str]
    programs: ClassVar[tuple[str, ...]] = ()
    """What must be installed."""
    compiles: ClassVar[bool] = False
    """Whether it makes its own code faster while it runs, and needs longer to be warm."""

    def __init__(self, ground: Ground, case: Case = "small") -> None:
        self._ground = ground
        self._case = case
        self._directory = Path(mkdtemp(prefix=f"{self.name}-{case}-", dir=ground.directory))
        self._port = free_ports(1)[0]
        self._child: Child | None = None
        self._started_at = 0.0

    @property
    def address(self) -> Address:
        """Where the proxy listens."""
        return "127.0.0.1", self._port

    @property
    def url(self) -> str:
        """The address as wrk wants it."""
        host, port = self.address
        return f"{'https' if self._case == 'tls' else 'http'}://{host}:{port}/"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        if self._child is None:
            raise ChildError(f"{self.name} is not running")
        return self._child.pid

    def start(self) -> None:
        """Write the configuration and start the process; `ready` tells when it serves."""
        command = self._prepare()
        self._started_at = time.perf_counter()
        self._child = Child(
            command,
            core=self._ground.core,
            log=self._directory / "log",
            cwd=self._directory,
            env=self._environment(),
        )

    def ready(self) -> float:
        """Wait for the first routed request and return the seconds that have passed since the start."""
        if self._child is None:
            raise ChildError(f"{self.name} is not running")
        answer = "nothing"
        while time.perf_counter() < self._started_at + READY_SECONDS:
            self._child.check_alive()
            try:
                answer = self._try()
                if not answer:
                    return time.perf_counter() - self._started_at
            except (OSError, ReplyError, WrkError) as error:
                answer = str(error)
            time.sleep(0.001)
        raise ChildError(f"{self.name} did not route a request; last answer: {answer}\n{self._child.tail()}")

    def stop(self) -> None:
        """End the process, if it runs."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Start, wait until ready, and stop at the end of the block."""
        try:
            self.start()
            self.ready()
            yield
        finally:
            self.stop()

    def _try(self) -> str:
        """Make a request; return what was answered, empty if it was what it should be."""
        if self._speaks_mux():
            call(self.address, MUX_NAME)
            return ""
        if self._case == "thrift":
            return "" if frames.answers(self.address) else "a wrong answer"
        if self._case == "h2":
            h2load.fetch(f"{self.url}reply", "h2")
            return ""
        with self._connect() as connection:
            status, _ = exchange(connection, request("web"))
        return "" if status == 200 else str(status)

    def _speaks_mux(self) -> bool:
        return self._case == "mux"

    def _connect(self) -> socket.socket:
        return connect_with_tls(self.address, context()) if self._case == "tls" else connect(self.address)

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Write what the process reads into its directory and return the command."""

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _ports(self) -> dict[str, int]:
        services = self._ground.services
        first, second, third = services.web
        ports = {
            "first": first,
            "second": second,
            "third": third,
            "slow": services.slow,
            "sink": services.sink,
            "mux": services.mux,
            "thrift": services.thrift,
            "h2": services.h2,
        }
        return ports | {"port": self._port}


class Envoy(Peer):
    """Envoy with one worker; limited, its circuit breaker lets `LIMIT` requests in. In production it has what linker has."""

    name = "envoy"
    programs = ("envoy",)

    def _prepare(self) -> list[str]:
        bootstrap = self._directory / "envoy.yaml"
        allowed = LIMIT if self._case == "limited" else 1024  # 1024 is Envoy's default
        template = f"envoy-{self._case}.yaml" if self._case in ("tls", "production", "h2", "thrift") else "envoy.yaml"
        files = attrs.asdict(self._ground.certificate)
        bootstrap.write_text(render(template, max_requests=allowed, **files, **self._ports()))
        options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]
        return [find("envoy"), "-c", str(bootstrap), *options]


class Haproxy(Peer):
    """haproxy with one thread."""

    name = "haproxy"
    programs = ("haproxy",)

    def _prepare(self) -> list[str]:
        configuration = self._directory / "haproxy.cfg"
        configuration.write_text(render("haproxy.cfg", **self._ports()))
        return [find("haproxy"), "-db", "-f", str(configuration)]


class Linker(Peer):
    """linker with its default stack; the cases add filters, 10,000 names and endpoints, a limit, TLS, or all at once."""

    name = "linker"
    programs = ("linker",)

    def _prepare(self) -> list[str]:
        stack = self._directory / "linker.yaml"
        values: dict[str, object] = {"port": self._port, "admin": free_ports(1)[0]}
        if self._case == "names":
            values["dtab"] = dtab(self._ground.endpoints)
        if self._case == "limited":
            values["limit"] = LIMIT
        if self._case == "tls":
            values |= attrs.asdict(self._ground.certificate)
        if self._case == "filters":
            copyfile(TEMPLATES / "passthrough.py", self._directory / "passthrough.py")
        if self._case == "thrift":
            values["thrift"] = self._ground.services.thrift
        stack.write_text(render(f"linker-{self._case}.yaml", **values))
        self._write_disco()
        return [find("linker"), "run", str(stack)]

    def _environment(self) -> dict[str, str]:
        # An installed linker has its compiled modules; a checkout gets them too, without a trace in the checkout.
        environment = dict(os.environ)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        return environment | {"PYTHONPYCACHEPREFIX": str(self._ground.directory / "pycache")}

    def _write_disco(self) -> None:
        services = self._ground.services
        web = [f"127.0.0.1 {port}" for port in services.web]
        if self._case == "names":
            web = endpoints(self._ground.endpoints, services.wide)
        disco = self._directory / "disco"
        disco.mkdir()
        (disco / "web").write_text("\n".join(web) + "\n")
        (disco / "slow").write_text(f"127.0.0.1 {services.slow}\n")
        (disco / "echo").write_text(f"127.0.0.1 {services.mux}\n")
        (disco / "h2").write_text("".join(f"127.0.0.{number} {services.h2}\n" for number in (1, 2, 3)))
        (disco / "sink").write_text(f"127.0.0.1 {services.sink}\n")


class Finagle(Peer):
    """A proxy of Mux made of Finagle's own server and client; it speaks nothing else, whatever the case."""

    name = "finagle"
    programs = ("java", "mvn")
    compiles = True

    def _prepare(self) -> list[str]:
        addresses = [f"127.0.0.1:{port}" for port in (self._port, self._ground.services.mux)]
        try:
            return [*command("MuxProxy", ["-XX:ActiveProcessorCount=1"]), *addresses]
        except CannotBuild as error:
            raise MissingProgram(str(error)) from error

    def _speaks_mux(self) -> bool:
        return True


class Direct(Peer):
    """No proxy at all: nginx itself, to see what the load generators and the backend can do."""

    name = "direct"

    def start(self) -> None:
        """Do nothing: the backend runs already."""

    def ready(self) -> float:
        """Return 0: it was ready before."""
        return 0.0

    @property
    def address(self) -> Address:
        """The first listener of the backend."""
        return "127.0.0.1", self._ground.services.web[0]

    def _prepare(self) -> list[str]:
        return []


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Linker, Envoy, Haproxy, Finagle, Direct)}


def dtab(count: int) -> str:
    """Return `count` dentries, one a line and indented for the template; only the first one matches `/svc/web`."""
    others = (f"    /svc/service-{number:05} => /#/io.l5d.fs/web;" for number in range(count - 1))
    return "\n".join(["    /svc => /#/io.l5d.fs;", *others])


def endpoints(count: int, port: int) -> list[str]:
    """Return `count` lines of a disco file, all different addresses of 127.1.0.0/16 with the same `port`."""
    return [f"127.1.{number // 250}.{number % 250 + 1} {port}" for number in range(count)]
