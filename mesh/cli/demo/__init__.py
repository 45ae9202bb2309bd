"""The command `linker demo`, and the small services that it routes to."""

from mesh.cli.demo.command import demo as demo

__all__ = ["demo"]
