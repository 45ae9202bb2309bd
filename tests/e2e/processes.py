"""Real `linker` processes, started and ended by tests."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.programs import find

SECONDS = 60.0  # for a process to say or do something, on a busy machine, before a test gives up


@attrs.define(eq=False)
class Running:
    """A process that says what listens where; `said` is what it has said so far."""

    process: "subprocess.Popen[str]"
    said: list[str] = attrs.field(factory=list)

    def read_until(self, beginning: str) -> str:
        """Return the next line of its output that begins so; raise `EOFError` if it ends before."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return line.rstrip("\n")
        raise EOFError(f"{beginning!r} was never said; it said: {self.said}")

    def address(self, name: str) -> tuple[str, int]:
        """Return the address of what calls itself `name`."""
        host, _, port = self.read_until(f"{name} on ").rpartition(" ")[2].rpartition(":")
        return host, int(port)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and return the status that the process ends with."""
        self.process.send_signal(number)
        return self.process.wait(SECONDS)


@contextmanager
def started(*args: str, folder: Path, descriptors: int | None = None) -> Iterator[Running]:
    """Run `linker` with these arguments inside the block; its log goes to the file `log`.

    `descriptors` is how many files it may open, if not as many as this process.
    """
    command = [sys.executable, "-m", "mesh", *args]
    if descriptors is not None:
        command = [find("prlimit"), f"--nofile={descriptors}", *command]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True)
        try:
            yield Running(process)
        finally:
            process.kill()
            process.communicate()


def exchange(address: tuple[str, int], head: str) -> bytes:
    """Send a request and return everything that comes back until the connection ends."""
    with socket.create_connection(address, SECONDS) as sock:
        sock.sendall(head.encode())
        received = b""
        while piece := sock.recv(65536):
            received += piece
        return received


def get(address: tuple[str, int], host: str, target: str = "/") -> bytes:
    """Send a GET that asks for the end of the connection, and return everything that comes back."""
    return exchange(address, f"GET {target} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")
