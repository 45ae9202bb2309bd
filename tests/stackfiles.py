"""Stack files as settings, for tests of what plugins make of them."""

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError
from mesh.plugins import find
from mesh.settings import RouterSettings


def router_of(text: str) -> RouterSettings:
    """Return the only router of a stack file."""
    (router,) = read_text(text, file="stack.yaml", kinds=find()).stack.routers
    return router


def loaded(text: str, file: str = "stack.yaml") -> Loaded:
    """Load a stack file from its text, with the installed kinds."""
    return read_text(text, file=file, kinds=find())


def problems(text: str) -> list[str]:
    """Return what is wrong with a stack file, a line each, without its name."""
    try:
        loaded(text, "")
    except ConfigError as error:
        return [problem.show() for problem in error.problems]
    return []
