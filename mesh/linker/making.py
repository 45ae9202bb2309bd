"""Making what kinds describe, and gathering what goes wrong, so that all of it is reported at once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from mesh.errors import ConfigError, MeshError, PluginError, Problem
from mesh.keys import Kind
from mesh.plugins import load

S = TypeVar("S")
T = TypeVar("T")


def made(kind: Kind, *arguments: object) -> Any:
    """Return what the factory of a kind makes. Raises `ConfigError`, `ValueError`, or `PluginError` for anything else."""
    make = load(kind)
    try:
        return make(*arguments)
    except (MeshError, ValueError):
        raise
    except Exception as error:
        who = f"{kind.name} of {kind.plugin}" if kind.plugin else kind.name
        raise PluginError(f"{who} cannot be made: {type(error).__name__}: {error}") from error


def collected(problems: list[Problem], key: str, items: Sequence[S], build: Callable[[S], T]) -> list[T]:
    """Build each item; keep the problems of those that fail and go on, so that all are reported.

    `key` is that of the list; the keys of the problems are completed by it.
    """
    built = []
    for number, item in enumerate(items):
        try:
            built.append(build(item))
        except (MeshError, ValueError) as error:
            problems += below(f"{key}[{number}]", error)
    return built


def below(key: str, error: Exception) -> list[Problem]:
    """Return the problems that an error stands for; their own keys are below `key`."""
    problems = error.problems if isinstance(error, ConfigError) else (Problem(str(error)),)
    return [attrs.evolve(problem, key=f"{key}.{problem.key}" if problem.key else key) for problem in problems]
