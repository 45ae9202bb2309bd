"""Tables of roles, errors and admin pages."""

import inspect

import mesh
import mesh.errors
from mesh.admin import Site, add_index, document_pages, liveness_pages, logging_page, metrics_page, prometheus_page
from mesh.errors import MeshError, RemoteProtocolError
from mesh.life import Life
from mesh.linker.assemble import Assembly
from mesh.linker.breaker_pages import breaker_pages
from mesh.linker.inside_pages import inside_pages
from mesh.linker.pages import process_pages
from mesh_plugins.http.errors import status_of
from mesh_plugins.http.protocol import STACK
from tests.structure.markdown import code, first_paragraph, table
from tests.structure.pages import page

ROLE_PAGE = "docs/plugins/filters.md"
POOL = (
    "[`pool`](plugins/filters.md#pool)",
    "endpoint",
    "Keeps the connections to one endpoint, and sends the request over one of them.",
    "the leaf of the stack: nothing is below it but the codec",
)


def of_roles() -> str:
    """Return the default stack of HTTP: a row for each role, outermost first, with what `ROLE_PAGE` says it does."""
    rows = [
        [
            str(number),
            f"[{code(module.role)}](plugins/filters.md#{module.role})",
            module.section + (f"; **branches {module.branch}**" if module.branch else ""),
            first_paragraph(page(ROLE_PAGE).section(code(module.role))) or "(not said)",
            (module.why or "(not said)") + _order(module),
        ]
        for number, module in enumerate(STACK, 1)
    ]
    return table(("", "role", "stack", "what it does", "why there"), [*rows, [str(len(rows) + 1), *POOL]])


def _order(module: mesh.Module) -> str:
    sides = (("above", module.above), ("below", module.below))
    rules = [f"{side} {', '.join(map(code, roles))}" for side, roles in sides if roles]
    return f" ({'; '.join(rules)})" if rules else ""


def errors() -> list[type[MeshError]]:
    """Return every error that the face offers, in the order in which they are defined."""
    found = [error for error in vars(mesh.errors).values() if isinstance(error, type) and issubclass(error, MeshError)]
    return [error for error in found if hasattr(mesh, error.__name__)]


def of_errors() -> str:
    """Return a row for each public error, with what HTTP makes of it."""
    return table(
        ("error", "is a", "means", "flag", "detail", "may be sent again", "HTTP status"),
        (
            [
                code(error.__name__),
                code(error.__mro__[1].__name__),
                first_paragraph(inspect.getdoc(error) or ""),
                code(error.flag),
                code(error.detail),
                "yes" if error.retryable else "no",
                _status(error),
            ]
            for error in errors()
        ),
    )


def _status(error: type[MeshError]) -> str:
    if issubclass(error, RemoteProtocolError):
        return "its own, mostly 400"
    status = status_of(error.__new__(error))
    return "none: no request leads there" if error.flag == "-" and status == 502 else str(status)


def of_admin_pages() -> str:
    """Return a row for each page of the admin server."""
    metrics = mesh.Metrics()
    site = Site([*liveness_pages(list), metrics_page(metrics), prometheus_page(metrics)])
    empty = Assembly((), (), None, Life(None))
    own = (*process_pages(lambda: empty, dict, lambda: None), *breaker_pages(lambda: empty))
    for shown in (*own, *inside_pages(lambda: empty), logging_page(), *document_pages(site)):
        site.add(shown)
    add_index(site)
    return table(
        ("page", "what it shows"),
        ([", ".join(map(code, (shown.path, *shown.aliases))), shown.summary] for shown in site.listed),
    )
