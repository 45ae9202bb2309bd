"""The command `linker`: its subcommands, each imported when it is asked for."""

import errno
import importlib
import logging

import click

from mesh.cli.refusal import refusal_of
from mesh.version import __version__

logger = logging.getLogger(__name__)

COMMANDS = {
    "run": "mesh.cli.run:run",
    "check": "mesh.cli.check:check",
    "explain": "mesh.cli.explain:explain",
    "plugins": "mesh.cli.plugins:plugins",
    "schema": "mesh.cli.schema:schema",
    "demo": "mesh.cli.demo:demo",
}
"""Where each command is, in the order in which `--help` lists them."""


class LazyGroup(click.Group):
    """Imports only the command that is asked for, and turns whatever it raises into one message."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module, _, name = COMMANDS.get(cmd_name, "").partition(":")
        if not module:
            return None
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            result: object = super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except BaseExceptionGroup as group:
            if group.subgroup(KeyboardInterrupt) is None:
                raise
            raise click.Abort from group
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # whoever read our output has had enough; click ends quietly
            logger.debug("the command failed", exc_info=error)
            raise refusal_of(error) from error
        return result


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="linker", message="%(prog)s %(version)s")
def main() -> None:
    """Route requests between services as a stack file says.

    To begin, try: linker demo
    """
