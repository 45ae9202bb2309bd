"""`linker demo` as a process, and every command that it prints, run by a shell."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import SECONDS, Running, started

ANY = ("--port", "0", "--admin-port", "0")


@pytest.fixture
def shell() -> str:
    """The shell and curl, without which the commands cannot be tried."""
    found = shutil.which("sh")
    if found is None or shutil.which("curl") is None:
        if os.environ.get("CI"):
            pytest.fail("sh and curl are needed: apt-get install curl")
        pytest.skip("sh and curl are needed: apt-get install curl")
    return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Running]:
    with started("demo", *ANY, "--directory", str(tmp_path / "demo"), folder=tmp_path) as running:
        running.read_until("Try, ")
        yield running


def suggested(demo: Running) -> list[tuple[str, list[str]]]:
    """Return what the demo suggests: each comment with its commands."""
    demo.read_until("# how often")
    demo.read_until("curl")
    demo.read_until("curl")
    suggestions: list[tuple[str, list[str]]] = []
    for line in demo.said[demo.said.index("") :]:
        if line.startswith("# "):
            suggestions.append((line[2:], []))
        elif line:
            suggestions[-1][1].append(line)
    return suggestions


@pytest.mark.slow
def test_every_command_that_the_demo_prints_works(demo: Running, shell: str) -> None:
    answers: dict[str, list[str]] = {}
    for shows, commands in suggested(demo):
        for command in commands:
            result = subprocess.run([shell, "-c", command], capture_output=True, text=True, timeout=3 * SECONDS)
            assert (result.returncode, result.stderr) == (0, ""), command
            answers.setdefault(shows.partition(":")[0].partition(",")[0], []).append(result.stdout)

    assert answers["a request"] == ["hello from web, version 1\n"]
    assert answers["where that leads"][0].startswith("GET http://web/ is named /svc/web by the router demo\n")
    assert answers["a rule for one request alone"] == ["hello from web, version 2\n"]
    assert [_words(line) for line in answers["a canary"][0].splitlines()] == [
        "hello from web, version 1",
        "hello from web, version 2",
    ]
    assert _words(answers["a canary for everybody"][1].splitlines()[1]) == "hello from web, version 2"
    assert answers["a backend that stops"][0] == "fast-1 is stopped\n"
    assert [_words(line) for line in answers["a backend that stops"][1].splitlines()] == [
        "hello from fast, the second of two"
    ]
    assert answers["a backend that stops"][2] == "fast-1 runs\n"
    assert answers["a service that refuses every other request"][0].split(maxsplit=1)[0] == "50"
    assert answers["a service that is too slow"][0].startswith("HTTP/1.1 504 ")
    assert answers["a service that nobody knows"][0].startswith("HTTP/1.1 502 ")


def test_the_files_in_a_directory_of_ones_own_stay(demo: Running, tmp_path: Path) -> None:
    assert demo.end() == 0

    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == ["demo.yaml", "disco"]


def test_a_temporary_directory_goes_with_the_demo(tmp_path: Path) -> None:
    with started("demo", *ANY, folder=tmp_path) as demo:
        folder = Path(demo.read_until("the files are in ").split()[4].rstrip(";"))
        assert folder.is_dir()

        assert demo.end() == 0

    assert not folder.exists()


def test_a_port_in_use_is_one_message_that_says_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with started("demo", "--port", port, "--admin-port", "0", folder=tmp_path) as demo:
            status = demo.process.wait(SECONDS)

    assert status == 1
    assert (tmp_path / "log").read_text() == (
        f"linker: cannot listen on 127.0.0.1:{port}: Address already in use; "
        "choose other ports with --port and --admin-port\n"
    )


def _words(counted: str) -> str:
    """Return a line of `uniq -c` without its number."""
    return counted.split(maxsplit=1)[1]
