"""The admin pages of a process."""

from collections.abc import Callable
from typing import Protocol

from mesh.admin import (
    Page,
    PageReply,
    PageRequest,
    Security,
    Site,
    add_index,
    document_pages,
    liveness_pages,
    logging_page,
    metrics_page,
    prometheus_page,
)
from mesh.codec import Serve
from mesh.errors import ConfigError, Problem
from mesh.keys import Category
from mesh.linker.assemble import Assembly
from mesh.linker.breaker_pages import breaker_pages
from mesh.linker.inside_pages import inside_pages
from mesh.linker.namer_states import namer_state_pages
from mesh.linker.pages import process_pages
from mesh.linker.telemeters import Telemeters
from mesh.metrics import Metrics
from mesh.plugins import Kinds, load
from mesh.settings import StackFile
from mesh.telemeter import MetricsPage


class Shown(Protocol):
    """What the pages show of a process; it is read for each request, since a reload exchanges it."""

    metrics: Metrics
    draining: bool
    assembly: Assembly
    shown: Callable[[], object]

    def shut_down(self) -> None:
        """Begin the end."""


def process_site(settings: StackFile, process: Shown, made: Telemeters) -> Site:
    """Return the pages of a process, those of its telemeters included."""

    def awaited() -> list[str]:
        return ["its end: the process is draining"] if process.draining else []

    pages = [*liveness_pages(awaited), metrics_page(process.metrics), prometheus_page(process.metrics)]
    site = Site(pages, Security(settings.admin.security).allows)
    for page in process_pages(lambda: process.assembly, lambda: process.shown(), process.shut_down):
        site.add(page)
    for page in breaker_pages(lambda: process.assembly):
        site.add(page)
    for page in namer_state_pages(settings.namers, lambda: process.assembly):
        site.add(page)
    for page in (*inside_pages(lambda: process.assembly), logging_page(), *document_pages(site)):
        site.add(page)
    add_telemeters(site, made, lambda: process.metrics)
    add_index(site)
    return site


def add_telemeters(site: Site, made: Telemeters, metrics: Callable[[], Metrics], *, sums: bool = False) -> None:
    """Add the pages of telemeters, of those metrics that `metrics` returns when a page is asked for.

    With `sums`, only those that show the sum of several processes.
    """
    for _chosen, telemeter in made:
        for shows in telemeter.pages():
            if shows.path not in site and (shows.is_summed or not sums):
                site.add(_metrics_page(shows, metrics))


def _metrics_page(shows: MetricsPage, metrics: Callable[[], Metrics]) -> Page:
    def handle(request: PageRequest) -> PageReply:
        return PageReply(200, shows.content_type, shows.render(metrics(), request.headers))

    return Page(shows.path, shows.summary, handle)


def plain_server(kinds: Kinds) -> Serve:
    """Return what serves services of our own, such as the admin pages. Raises `ConfigError` if no plugin brings it."""
    for kind in kinds.all():
        if kind.category is Category.PROTOCOL and kind.serve:
            serve: Serve = load(kind, kind.serve)()
            return serve
    raise ConfigError(Problem("no installed plugin brings a protocol that can serve the admin pages"))
