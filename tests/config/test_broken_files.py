"""Every problem of a broken stack file is told at once, each in its exact words."""

import pathlib
from collections.abc import Callable

import pytest
import yaml

CASES = yaml.safe_load(pathlib.Path(__file__).with_name("broken.yaml").read_text())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["title"])
def test_a_broken_file_is_refused_with_all_its_problems(
    case: dict[str, object], problems: Callable[[object], list[str]]
) -> None:
    found = problems(case["text"])

    assert found == case["problems"]
