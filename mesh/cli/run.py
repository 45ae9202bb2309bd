"""`linker run`: routes requests until it is told to stop."""

import logging
import sys

import click
import trio

from mesh.config import read_file
from mesh.linker.placed import placed
from mesh.linker.process import Linker
from mesh.linker.room import raise_limit
from mesh.linker.run import run_until_signal
from mesh.linker.supervisor import Supervisor, supervise_until_signal
from mesh.plugins import find

LEVELS = ("debug", "info", "warning", "error")


@click.command()
@click.argument("file")
@click.option(
    "--log-level",
    "-log.level",
    "log_level",
    type=click.Choice(LEVELS, case_sensitive=False),
    default="info",
    show_default=True,
    help="What is logged, to standard error.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="How many processes serve, each on a core of its own.",
)
@click.option("--validate", "-validate", "validate", is_flag=True, help="Check the file, and end.")
def run(file: str, log_level: str, workers: int, validate: bool) -> None:
    """Route requests as a stack file says.

    FILE is the stack file; `-` reads it from standard input. The addresses that are listened on are printed, a line each.

    SIGHUP has FILE read again, and put into force if it is right.

    SIGTERM and SIGINT let open requests finish first, for as long as `admin.shutdownGraceMs`; a second one ends the
    program at once.
    """
    start_logging(log_level)
    kinds = find()
    loaded = read_file(file, kinds)
    for warning in loaded.warnings:
        click.echo(f"warning: {warning.show()}", err=True)
    if validate:
        return
    raise_limit()
    with placed(loaded):
        if workers == 1:
            trio.run(run_until_signal, loaded, kinds, announce)
        else:
            trio.run(supervise_until_signal, loaded, kinds, workers, log_level.upper(), announce)


def start_logging(level: str) -> None:
    """Log to standard error, from `level` on."""
    logging.basicConfig(
        stream=sys.stderr, level=level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s", force=True
    )


def announce(linker: Linker | Supervisor) -> None:
    """Print what listens where."""
    for listening in linker.listening:
        click.echo(listening)
    click.echo(f"admin on {linker.admin_address}")
    sys.stdout.flush()
