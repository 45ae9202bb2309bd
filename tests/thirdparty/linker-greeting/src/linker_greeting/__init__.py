"""Adds a greeting to every reply: the kind `com.example.greeting`."""

from linker_greeting.greeting import Greeting
from mesh import Category, Kind, hookimpl


@hookimpl
def mesh_kinds() -> list[Kind]:
    """Return what this plugin brings."""
    return [
        Kind(
            "com.example.greeting",
            Category.FILTER,
            "Adds a greeting to every reply.",
            Greeting,
            aliases=("greeting",),
            protocols=("http", "h2", "grpc"),
        )
    ]
