import re
from collections.abc import Callable
from pathlib import Path

import pytest

from mesh.config import read_file
from tests.structure.key_tables import installed
from tests.structure.source import ROOT

STACKS = sorted((ROOT / "stacks").glob("*.yaml"))


def test_there_are_example_stacks() -> None:
    assert STACKS != []


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_an_example_stack_is_right(
    path: Path, monkeypatch: pytest.MonkeyPatch, modules_of: Callable[[Path], None]
) -> None:
    modules_of(path.parent)
    monkeypatch.chdir(ROOT)

    loaded = read_file(str(path), installed())

    assert loaded.stack.routers


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_an_example_stack_opens_with_what_it_shows_and_a_command_to_try(path: Path) -> None:
    opening = re.match(r"(#.*\n)+", path.read_text())

    assert opening
    assert re.search(r"(linker|curl|python) ", opening[0])
