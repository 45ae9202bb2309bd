"""Where in the stack file something is that only the assembly finds wrong."""

import contextlib
from collections.abc import Iterator

import attrs

from mesh.config import Loaded
from mesh.errors import ConfigError, Problem


@contextlib.contextmanager
def placed(loaded: Loaded) -> Iterator[None]:
    """Give the problems of a `ConfigError` that is raised inside the file, line and column of their keys."""
    try:
        yield
    except ConfigError as error:
        raise ConfigError(*(_placed(problem, loaded) for problem in error.problems)) from error


def _placed(problem: Problem, loaded: Loaded) -> Problem:
    if problem.line:
        return problem
    line, column = _origin(problem.key, loaded)
    return attrs.evolve(problem, file=loaded.file, line=line, column=column)


def _origin(key: str, loaded: Loaded) -> tuple[int, int]:
    """Return the place of a key, or of the nearest one around it that the file has."""
    while key:
        line, column = loaded.origin(key)
        if line:
            return line, column
        key = key[: max(key.rfind("."), key.rfind("["), 0)]
    return 0, 0
