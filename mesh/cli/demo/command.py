"""`linker demo`: a mesh to play with."""

import shutil
import sys
import tempfile
from pathlib import Path

import attrs
import click
import trio

from mesh.cli.demo.guide import Guide, program
from mesh.cli.demo.scenery import check_directory, write_files
from mesh.cli.demo.town import Town
from mesh.cli.refusal import Refusal
from mesh.cli.run import announce, start_logging
from mesh.config import read_file
from mesh.linker.listener import ListenError
from mesh.linker.placed import placed
from mesh.linker.process import Linker
from mesh.linker.run import run_until_signal
from mesh.linker.site import plain_server
from mesh.linker.ungrouped import ungrouped
from mesh.plugins import find

_PORT = click.IntRange(0, 65535)


@attrs.frozen
class Wish:
    """Where the demo shall be; the port 0 is any free one."""

    directory: Path
    port: int
    admin_port: int


@click.command()
@click.option(
    "--directory", default="", metavar="DIR", help="Where its files go, and stay; by default a temporary one."
)
@click.option(
    "--port", type=_PORT, metavar="PORT", default=4140, show_default=True, help="Where it listens; 0 is any free port."
)
@click.option(
    "--admin-port", type=_PORT, metavar="PORT", default=9990, show_default=True, help="The port of its admin pages."
)
def demo(directory: str, port: int, admin_port: int) -> None:
    """Run a small mesh to play with.

    A router and a few services run in this process, on loopback only. It prints commands to try, and runs until
    Ctrl-C.
    """
    start_logging("warning")
    path = Path(directory or tempfile.mkdtemp(prefix="linker-demo-")).absolute()
    try:
        check_directory(path)
        trio.run(_run, Wish(path, port, admin_port))
    except ListenError as error:
        raise Refusal(f"linker: {error}; choose other ports with --port and --admin-port") from error
    finally:
        if not directory:
            shutil.rmtree(path, ignore_errors=True)


async def _run(wish: Wish) -> None:
    kinds = find()
    with ungrouped():
        async with trio.open_nursery() as nursery:
            town = Town(nursery, plain_server(kinds))
            town.start()
            stack_file = write_files(wish.directory, town.backends, wish.port, wish.admin_port)
            loaded = read_file(str(stack_file), kinds)

            def welcome(linker: Linker) -> None:
                guide = Guide(stack_file, town.backends, linker.addresses[0], linker.admin_address, program())
                _welcome(linker, guide)

            with placed(loaded):
                await run_until_signal(loaded, kinds, welcome)
            nursery.cancel_scope.cancel()


def _welcome(linker: Linker, guide: Guide) -> None:
    announce(linker)
    click.echo(f"the files are in {guide.stack_file.parent}; {guide.stack_file.name} is the stack file")
    click.echo(f"see what goes on in a browser: http://{guide.admin_address}/")
    click.echo("Try, in another terminal (Ctrl-C ends the demo):\n")
    click.echo(guide.text())
    sys.stdout.flush()
