import shlex
import sys
from pathlib import Path

import pytest

from mesh.cli.demo.backend import Backend
from mesh.cli.demo.guide import Guide, program
from mesh.message import Reply, Request


async def nothing(_request: Request, /) -> Reply:
    return Reply()


BACKENDS = {"web-v1": Backend(nothing, port=7001), "web-v2": Backend(nothing, port=7002)}
GUIDE = Guide(Path("/tmp/a b/demo.yaml"), BACKENDS, "127.0.0.1:4140", "127.0.0.1:9990", "linker")


def test_a_request_names_its_service_in_host() -> None:
    assert GUIDE.suggestions()[0].commands == ("curl -s -H 'Host: web' http://127.0.0.1:4140/",)


def test_paths_are_quoted_for_the_shell() -> None:
    assert "linker explain '/tmp/a b/demo.yaml' http://web/" in GUIDE.text()
    assert "printf '127.0.0.1 7001 * 4\\n127.0.0.1 7002 * 1\\n' > '/tmp/a b/disco/web'; sleep 1" in GUIDE.text()


def test_the_text_is_all_commands_and_comments() -> None:
    commands = [command for suggestion in GUIDE.suggestions() for command in suggestion.commands]
    lines = GUIDE.text().splitlines()

    assert [line for line in lines if line and not line.startswith("#")] == commands
    assert [line[2:] for line in lines if line.startswith("#")] == [each.shows for each in GUIDE.suggestions()]


def test_the_program_is_linker_where_that_is_this_installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "linker").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program() == "linker"


def test_the_program_is_called_by_its_interpreter_where_linker_would_be_another_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert program() == f"{shlex.quote(sys.executable)} -m mesh"
