"""`linker schema`: the JSON schema of stack files."""

import json

import click

from mesh.config.schema import schema as stack_file_schema
from mesh.plugins import find


@click.command()
def schema() -> None:
    """Print the JSON schema of stack files.

    It is for editors, and knows every key and every kind of the installed plugins.
    """
    click.echo(json.dumps(stack_file_schema(find()), indent=2))
