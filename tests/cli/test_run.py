"""The command without a process; how it serves and ends is in `tests/e2e/test_run.py`."""

import logging
from pathlib import Path

import pytest

from mesh.cli.run import start_logging
from tests.cli.conftest import Linker


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)


@pytest.mark.parametrize("option", ["--validate", "-validate"])
def test_a_file_can_be_checked_alone(linker: Linker, stack_file: Path, option: str) -> None:
    result = linker("run", option, stack_file)

    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "")


def test_warnings_go_to_standard_error(linker: Linker, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text().replace("    timeoutMs: 1000\n", "", 1))

    result = linker("run", "--validate", stack_file)

    assert result.stderr.startswith(f"warning: {stack_file}, line 5, column 3: routers[0]: no timeout is configured")


@pytest.mark.parametrize("option", ["--log-level=debug", "-log.level=DEBUG"])
def test_the_log_level_is_taken_in_our_spelling_and_in_linkerds(linker: Linker, stack_file: Path, option: str) -> None:
    linker("run", option, "--validate", stack_file)

    assert logging.root.level == logging.DEBUG


def test_an_unknown_log_level_is_a_wrong_use(linker: Linker, stack_file: Path) -> None:
    assert linker("run", "--log-level", "loud", stack_file).exit_code == 2


def test_the_log_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    start_logging("info")

    logging.getLogger("mesh.x").info("said")

    out, err = capsys.readouterr()
    assert (out, err.split(" ", 2)[2]) == ("", "INFO mesh.x: said\n")


def test_what_only_the_stacks_refuse_has_its_place_in_the_file(linker: Linker, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text() + "  filters:\n    service:\n    - remove: nothing\n")

    result = linker("run", stack_file)

    assert result.exit_code == 1
    assert f"{stack_file}, line 24, column 7: routers[1].filters.service[0]: " in result.stderr
