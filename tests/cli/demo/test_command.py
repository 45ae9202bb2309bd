"""The command without a process; that it runs, and what it prints works, is in `tests/e2e/test_demo.py`."""

import logging
from pathlib import Path

import pytest

from tests.cli.conftest import Linker


@pytest.fixture(autouse=True)
def _logging_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    monkeypatch.setattr(logging.root, "level", logging.WARNING)


def test_a_directory_with_other_files_is_refused(linker: Linker, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()

    result = linker("demo", "--directory", tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{tmp_path}: holds other files than a demo's")


@pytest.mark.parametrize("option", ["--port", "--admin-port"])
def test_a_port_beyond_all_ports_is_a_wrong_use(linker: Linker, option: str) -> None:
    assert linker("demo", option, "65536").exit_code == 2
