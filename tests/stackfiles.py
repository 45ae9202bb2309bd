"""Stack files as settings, for tests of what plugins make of them."""

from mesh.config import read_text
from mesh.plugins import find
from mesh.settings import RouterSettings


def router_of(text: str) -> RouterSettings:
    """Return the only router of a stack file."""
    (router,) = read_text(text, file="stack.yaml", kinds=find()).stack.routers
    return router
