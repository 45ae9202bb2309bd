import errno
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

from mesh.cli import main
from mesh.cli.group import COMMANDS, LazyGroup
from mesh.errors import MeshError
from mesh.version import __version__
from tests.cli.conftest import Linker


class Failing(LazyGroup):
    """Has a single command, `fail`, that raises an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__("linker")
        self._error = error

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
        def fail() -> None:
            raise self._error

        return click.Command("fail", callback=fail)


def run_failing(error: BaseException) -> Result:
    return CliRunner().invoke(Failing(error), ["fail"])


def test_every_command_has_a_short_help() -> None:
    context = click.Context(main)
    commands = [main.get_command(context, name) for name in main.list_commands(context)]

    assert [command.name for command in commands if command is not None] == list(COMMANDS)
    assert all(command.get_short_help_str() for command in commands if command is not None)


def test_help_lists_the_commands(linker: Linker) -> None:
    result = linker("--help")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.stdout.partition("Commands:\n")[2].splitlines()] == list(COMMANDS)


def test_the_version_is_that_of_the_distribution(linker: Linker) -> None:
    assert linker("--version").stdout == f"linker {__version__}\n"


def test_an_unknown_command_is_a_wrong_use(linker: Linker) -> None:
    result = linker("chek")

    assert result.exit_code == 2
    assert "No such command 'chek'" in result.stderr


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MeshError("no port"), "linker: no port\n"),
        (PermissionError(errno.EACCES, "not allowed"), "linker: [Errno 13] not allowed\n"),
    ],
)
def test_an_error_of_a_command_is_one_message_and_the_status_1(error: Exception, message: str) -> None:
    result = run_failing(error)

    assert (result.exit_code, result.stdout, result.stderr) == (1, "", message)


def test_a_bug_is_one_message_too() -> None:
    result = run_failing(ZeroDivisionError("by zero"))

    assert result.exit_code == 1
    assert result.stderr.startswith("linker: a bug, please report it: ZeroDivisionError: by zero (")


def test_ctrl_c_inside_a_nursery_is_ctrl_c() -> None:
    result = run_failing(BaseExceptionGroup("nursery", [KeyboardInterrupt()]))

    assert (result.exit_code, result.stderr) == (1, "Aborted!\n")


def test_a_reader_that_has_had_enough_is_no_error_to_speak_of() -> None:
    result = run_failing(BrokenPipeError(errno.EPIPE, "Broken pipe"))

    assert (result.exit_code, result.stderr) == (1, "")


def test_a_command_is_imported_when_it_is_asked_for() -> None:
    code = "import sys; import mesh.cli; print([name for name in sys.modules if name.startswith('mesh.cli.')])"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "['mesh.cli.refusal', 'mesh.cli.group']"


def test_the_package_can_be_run_as_a_module() -> None:
    result = subprocess.run([sys.executable, "-m", "mesh", "--version"], capture_output=True, text=True, check=True)

    assert result.stdout == f"linker {__version__}\n"
