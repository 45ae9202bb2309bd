import pytest

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError, Problem
from mesh.linker.placed import placed
from mesh.plugins import find

TEXT = """\
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1/80
  servers:
  - port: 0
"""


def loaded() -> Loaded:
    return read_text(TEXT, file="stack.yaml", kinds=find())


def placed_problem(problem: Problem) -> Problem:
    with pytest.raises(ConfigError) as caught, placed(loaded()):
        raise ConfigError(problem)
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("key", "place"),
    [
        ("routers[0].dtab", (3, 3)),
        ("routers[0].filters.service[0]", (2, 3)),
        ("routers", (1, 1)),
        ("telemetry[0]", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_a_problem_gets_the_place_of_its_key_or_of_what_it_stands_in(key: str, place: tuple[int, int]) -> None:
    problem = placed_problem(Problem("is wrong", key=key))

    assert (problem.file, (problem.line, problem.column)) == ("stack.yaml", place)


def test_a_problem_that_has_a_place_keeps_it() -> None:
    problem = Problem("is wrong", "other.yaml", 7, 8)

    assert placed_problem(problem) == problem


def test_every_problem_is_kept() -> None:
    with pytest.raises(ConfigError) as caught, placed(loaded()):
        raise ConfigError(Problem("one"), Problem("two"))

    assert [problem.message for problem in caught.value.problems] == ["one", "two"]
