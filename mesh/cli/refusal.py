"""What a command says when it fails: one message on standard error, and the status 1."""

import traceback
from pathlib import Path
from typing import IO, Any

import click

from mesh.errors import ConfigError, MeshError

_TOP = Path(__file__).parents[2]


class Refusal(click.ClickException):
    """Ends the command with status 1; the message is shown as it is."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the message on standard error."""
        click.echo(self.message, file=file, err=True)


def refusal_of(error: Exception) -> Refusal:
    """Return what is said of an error: problems of a stack file as they are, anything else after the program's name."""
    match error:
        case ConfigError():
            return Refusal(str(error))
        case OSError(strerror=str(reason), filename=str(file)):
            return Refusal(f"linker: {file}: {reason}")
        case MeshError() | OSError():
            return Refusal(f"linker: {error}")
    frame = traceback.extract_tb(error.__traceback__)[-1]
    path = Path(frame.filename)
    shown = path.relative_to(_TOP) if path.is_relative_to(_TOP) else path
    return Refusal(f"linker: a bug, please report it: {type(error).__name__}: {error} ({shown}, line {frame.lineno})")
