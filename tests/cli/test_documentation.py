"""docs/commands.md says of every command what it takes: no less, and no more."""

import re
from pathlib import Path

import click
import pytest

from mesh.cli import main
from mesh.cli.group import COMMANDS

TEXT = (Path(__file__).parents[2] / "docs" / "commands.md").read_text()
SECTIONS = dict(re.findall(r"^## linker (\w+)\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL))


def options_of(name: str) -> set[str]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {option for param in command.params if isinstance(param, click.Option) for option in param.opts}


def test_every_command_has_its_section_in_the_order_of_the_help() -> None:
    assert list(SECTIONS) == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_in_its_section(name: str) -> None:
    section = SECTIONS[name]

    assert [option for option in options_of(name) if not re.search(rf"`{re.escape(option)}[`=]", section)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_in_the_table_of_a_section_is_one_of_the_command(name: str) -> None:
    rows = re.findall(r"^\| (`-[^|]*) \|", SECTIONS[name], re.MULTILINE)
    documented = {option for row in rows for option in re.findall(r"`(-[^`]*)`", row)}

    assert documented <= options_of(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_of_a_command_is_in_its_section(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    arguments = [
        param.make_metavar(click.Context(command)) for param in command.params if param.param_type_name == "argument"
    ]

    assert [word for shown in arguments for word in shown.split("|") if word not in SECTIONS[name]] == []
