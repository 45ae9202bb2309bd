import click
import pytest

from mesh.cli.refusal import Refusal, refusal_of
from mesh.errors import ConfigError, MeshError, Problem


def test_a_refusal_ends_with_the_status_1() -> None:
    assert Refusal("no").exit_code == 1


def test_a_refusal_is_shown_as_it_is_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    Refusal("linker: no").show()

    assert capsys.readouterr() == ("", "linker: no\n")


def test_problems_of_a_stack_file_are_shown_a_line_each() -> None:
    error = ConfigError(Problem("one", "a.yaml", 1, 2), Problem("two", "a.yaml", 3, 4))

    assert refusal_of(error).message == "a.yaml, line 1, column 2: one\na.yaml, line 3, column 4: two"


@pytest.mark.parametrize("error", [MeshError("no port"), OSError("no port")])
def test_other_errors_are_shown_after_the_name_of_the_program(error: Exception) -> None:
    assert refusal_of(error).message == "linker: no port"


def test_trouble_with_a_file_names_the_file() -> None:
    error = PermissionError(13, "Permission denied", "/etc/demo.yaml")

    assert refusal_of(error).message == "linker: /etc/demo.yaml: Permission denied"


def test_what_nobody_expected_says_where_it_came_from() -> None:
    with pytest.raises(KeyError) as caught:
        _fail()

    message = refusal_of(caught.value).message

    assert message.startswith("linker: a bug, please report it: KeyError: 'gone' (tests/cli/test_refusal.py, line ")


def test_a_refusal_is_what_click_ends_a_command_with() -> None:
    assert isinstance(Refusal("no"), click.ClickException)


def _fail() -> None:
    raise KeyError("gone")
