"""The ground of one experiment: three backends and a linker, all processes of their own."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from tests.e2e.processes import Running, started
from tests.faults.backend import Mode
from tests.ports import free_ports

BACKENDS = ("a", "b", "c")
BAD = "a"
STACK = """\
# What a production file has: retries, timeouts, a balancer that watches latencies, a breaker.
admin: {port: 0}
namers:
- {kind: io.l5d.fs, rootDir: disco}
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs;
  servers: [{port: 0}]
  service:
    responseClassifier: {kind: io.l5d.http.retryableIdempotent5XX}
    totalTimeoutMs: 5000
  client:
    requestAttemptTimeoutMs: 500
    loadBalancer: {kind: ewma}
"""


@attrs.define(eq=False)
class Process:
    """One backend; `port` stays its own when it is started anew."""

    name: str
    port: int
    process: "subprocess.Popen[str]" = attrs.field(init=False)

    def start(self) -> None:
        """Start it, and wait until it listens."""
        command = [sys.executable, "-m", "tests.faults.backend", str(self.port), self.name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect(f"ready {self.name}")

    def be(self, mode: Mode) -> None:
        """Change its mode, and wait until that is done."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{mode}\n")
        self.process.stdin.flush()
        self._expect(f"done {mode}")

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, even if it is stopped."""
        self.process.kill()
        self.process.communicate()

    def _expect(self, line: str) -> None:
        assert self.process.stdout is not None
        said = self.process.stdout.readline().rstrip("\n")
        if said != line:
            raise EOFError(f"the backend {self.name} said {said!r}, not {line!r}")


@attrs.define(eq=False)
class Ground:
    """What a fault can do something to."""

    folder: Path
    backends: dict[str, Process]
    linker: Running
    port: int

    @property
    def bad(self) -> Process:
        """The backend that faults happen to."""
        return self.backends[BAD]

    def list_backends(self, names: Sequence[str]) -> None:
        """Let discovery know these backends alone."""
        list_backends(self.folder, [self.backends[name] for name in names])

    def resident_bytes(self) -> int:
        """Return the memory that the linker holds now."""
        pages = int(Path(f"/proc/{self.linker.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def ground(folder: Path, descriptors: int | None = None) -> Iterator[Ground]:
    """Run three backends and a linker in front of them inside the block; `descriptors` is how many files it may open."""
    (folder / "disco").mkdir()
    (folder / "stack.yaml").write_text(STACK)
    with ExitStack() as ended:
        backends = {}
        for name, port in zip(BACKENDS, free_ports(len(BACKENDS)), strict=True):
            backends[name] = Process(name, port)
            backends[name].start()
            ended.callback(backends[name].kill)
        list_backends(folder, backends.values())
        linker = ended.enter_context(started("run", "stack.yaml", folder=folder, descriptors=descriptors))
        yield Ground(folder, backends, linker, linker.address("http")[1])
        linker.end(signal.SIGTERM)


def list_backends(folder: Path, backends: Iterable[Process]) -> None:
    """Write the disco file anew, by a rename."""
    (folder / "web").write_text("".join(f"127.0.0.1 {backend.port}\n" for backend in backends))
    (folder / "web").rename(folder / "disco" / "web")
