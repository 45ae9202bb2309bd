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


@pytest.fixture
def installation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A directory with an interpreter, which `PATH` does not have."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", "/nowhere")
    return tmp_path


def test_the_program_is_linker_where_the_shell_finds_it(installation: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installation / "linker").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(installation))

    assert program() == "linker"


def test_the_program_is_named_with_its_path_where_the_shell_does_not_find_it(installation: Path) -> None:
    (installation / "linker").touch(mode=0o755)

    assert program() == f"{installation}/linker"


def test_the_program_is_a_module_where_it_is_not_installed_as_a_command(installation: Path) -> None:
    assert program() == f"{installation}/python -m mesh"
