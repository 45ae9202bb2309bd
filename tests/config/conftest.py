"""Short ways to load a text with the stand-ins."""

from collections.abc import Callable

import pytest

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError
from mesh.plugins import Kinds
from tests.config.stand_ins import KINDS


@pytest.fixture
def kinds() -> Kinds:
    return Kinds(KINDS)


@pytest.fixture
def read(kinds: Kinds) -> Callable[[str], Loaded]:
    """Load a text."""
    return lambda text: read_text(text, file="stack.yaml", kinds=kinds)


@pytest.fixture
def problems(kinds: Kinds) -> Callable[[str], list[str]]:
    """Load a text and return its problems as `linker check` prints them, less the name of the file."""

    def show(text: str) -> list[str]:
        try:
            read_text(text, file="", kinds=kinds)
        except ConfigError as error:
            return [
                (f"{problem.line}:{problem.column} " if problem.line else "") + problem.show()
                for problem in error.problems
            ]
        return []

    return show
