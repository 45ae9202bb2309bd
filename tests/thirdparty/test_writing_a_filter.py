"""The page about filters does what it says: its files are written down as they stand there, and its commands are run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.structure.pages import Block, page
from tests.structure.source import ROOT

DISTRIBUTION = ROOT / "tests/thirdparty/linker-greeting"
INSTALLED = {path.name for path in DISTRIBUTION.iterdir()} | {"pyproject.toml"}


def _blocks() -> list[Block]:
    return page("docs/writing-a-filter.md").blocks


def _files() -> dict[str, str]:
    """Return the files of the page: the first line of each is a comment with its name."""
    named = [(block.text.partition("\n")[0], block) for block in _blocks() if block.language != "console"]
    return {line.removeprefix("# "): block.text for line, block in named}


def _is_installed(name: str) -> bool:
    return name.partition("/")[0] in INSTALLED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The directory of the first half of the page."""
    for name, text in _files().items():
        if not _is_installed(name):
            (tmp_path / name).write_text(text)
    return tmp_path


def _run(folder: Path, *command: str) -> str:
    """Run a module of Python in a directory and return what it said, which must be good."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": "", "MYPYPATH": f"{ROOT}:{ROOT / 'plugins'}"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_file_of_the_page_has_a_name() -> None:
    assert [name for name in _files() if " " in name or "." not in name] == []


def test_the_second_half_of_the_page_is_the_distribution_that_is_kept_here() -> None:
    shown = {name: text.partition("\n")[2] for name, text in _files().items() if _is_installed(name)}

    assert shown == {name: (DISTRIBUTION / name).read_text() for name in shown}
    assert len(shown) == 4


@pytest.mark.slow
def test_the_stack_file_is_right_and_its_filter_stands_above_the_binding(folder: Path) -> None:
    said = _run(folder, "mesh", "check", "stack.yaml")

    assert re.search(r"greeting:Greeting *\n *binding *═►", said)


@pytest.mark.slow
def test_the_tests_of_the_page_pass(folder: Path) -> None:
    said = _run(folder, "pytest", "-q", "-p", "no:cacheprovider")

    assert "5 passed" in said


@pytest.mark.slow
def test_the_filters_of_the_page_are_typed(folder: Path) -> None:
    said = _run(folder, "mypy", "--strict", "--cache-dir", str(ROOT / ".mypy_cache"), ".")

    assert said.startswith("Success: no issues found in 6 source files")
