"""What the structural tests share."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def modules_of(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], None]]:
    """Let the modules that lie in a folder be imported anew, and be forgotten after the test."""
    known = dict(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    folders: list[Path] = []

    def forget(folder: Path) -> None:
        folders.append(folder)
        for path in folder.glob("*.py"):
            sys.modules.pop(path.stem, None)

    yield forget
    for path in (path for folder in folders for path in folder.glob("*.py")):
        sys.modules.pop(path.stem, None)
        if path.stem in known:
            sys.modules[path.stem] = known[path.stem]
