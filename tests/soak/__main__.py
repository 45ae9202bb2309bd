"""`python -m tests.soak`: calls of all kinds over HTTP/2, a third cancelled or reset; see docs/operations.md."""

import functools
import sys

import click
import trio

from tests.soak.soaking import soak


@click.command()
@click.option("--calls", default=200_000, show_default=True, help="How many calls are made after the warm-up.")
@click.option("--seed", default=1, show_default=True, help="What the calls' moods and moments come from.")
@click.option("--engine", type=click.Choice(["fast", "reference"]), default="fast", show_default=True)
def main(calls: int, seed: int, engine: str) -> None:
    """Exit with 1 if anything was left over, or any call was not what it should be."""
    found = trio.run(functools.partial(soak, calls, seed, tell=click.echo, engine=engine))
    click.echo(
        f"memory {found.growth / 2**20:+.1f} MiB, descriptors {found.descriptors:+d}, open streams {found.streams}"
    )
    for fault in found.faults:
        click.echo(fault, err=True)
    sys.exit(bool(found.faults))


if __name__ == "__main__":
    main()
