"""The command line."""

from mesh.cli.group import main

__all__ = ["main"]
