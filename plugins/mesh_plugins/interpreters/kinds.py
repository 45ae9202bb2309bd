"""The interpreters that are built in."""

from mesh import Category, Kind
from mesh_plugins.interpreters.default import DefaultConfig

KINDS = (
    Kind(
        "default",
        Category.INTERPRETER,
        "Binds names by the router's own dtab and the namers of the stack file.",
        DefaultConfig,
        "mesh_plugins.interpreters.default:default",
    ),
)
