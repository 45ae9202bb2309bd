"""The tutorial, followed to the letter, on free ports."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import SECONDS

TEXT = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text()
PORTS = ("4140", "8081", "8082")
BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@contextmanager
def shell(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a shell in a session of its own, which is ended with all that was started in it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            ["sh"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def said(process: "subprocess.Popen[str]", command: str) -> list[str]:
    """Return what a command prints; one that ends in `&` goes on by itself."""
    assert process.stdin is not None
    assert process.stdout is not None
    in_background = command.endswith("&")
    process.stdin.write(f"{command[:-1]} >/dev/null &\necho END\n" if in_background else f"{command}\necho END\n")
    process.stdin.flush()
    lines: list[str] = []
    for line in process.stdout:
        if line == "END\n":
            return lines
        lines.append(line.rstrip("\n"))
    raise EOFError(f"the shell ended in {command}")


def steps(ports: dict[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each command of the tutorial with what it shall print; saving the stack file is a command too."""
    for block in BLOCK.finditer(TEXT):
        text = re.sub("|".join(ports), lambda found: ports[found[0]], block["text"])
        if block["language"] == "yaml":
            yield f"cat > stack.yaml <<'EOF'\n{text}admin:\n  port: 0\nEOF", []
        elif block["language"] == "console":
            for entry in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                command, *expected = entry.rstrip("\n").split("\n")
                yield command, expected


def wait_for(port: str) -> None:
    """Return once something listens."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", int(port)), SECONDS).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise TimeoutError(f"nothing listens on {port}")


def free_ports() -> dict[str, str]:
    """Return, for each port of the tutorial, one that nobody uses."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _port in PORTS]
    ports = [str(sock.getsockname()[1]) for sock in sockets]
    for sock in sockets:
        sock.close()
    return dict(zip(PORTS, ports, strict=True))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None and not os.environ.get("CI"), reason="curl is needed")
def test_the_commands_of_the_tutorial_print_what_it_says(tmp_path: Path) -> None:
    ports = free_ports()

    with shell(tmp_path) as process:
        for command, expected in steps(ports):
            printed = said(process, command)
            if command.endswith("&"):
                wait_for(next((port for port in ports.values() if port in command), ports["4140"]))
            else:
                assert (command, printed) == (command, expected)
