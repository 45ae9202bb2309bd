"""The command line."""

from mesh.cli.group import main as main

__all__ = ["main"]
