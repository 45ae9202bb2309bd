"""The admin pages of a supervisor: the sum of its workers, and each of them with `?worker=N`."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import attrs

from mesh.admin import (
    JSON,
    Page,
    PageReply,
    PageRequest,
    Security,
    Site,
    add_index,
    document_pages,
    liveness_pages,
    metrics_page,
    prometheus_page,
)
from mesh.config import Loaded
from mesh.linker.channel import Message
from mesh.linker.inside_pages import info_page
from mesh.linker.site import add_telemeters
from mesh.linker.telemeters import Telemeters, telemeters
from mesh.linker.workers import Slot, as_json
from mesh.metrics import Metrics

NO_WORKER = "There is no such worker now; /admin/workers.json lists them\n"


class Workers(Protocol):
    """What the pages ask of a supervisor."""

    slots: list[Slot]

    def awaited(self) -> list[str]:
        """Return what is waited for."""
        ...

    def shut_down(self) -> None:
        """Begin the end."""

    async def whole(self) -> Metrics:
        """Return all metrics added up."""
        ...

    async def one(self, number: int) -> Metrics | None:
        """Return the metrics of one worker."""
        ...

    async def page(self, number: int | None, request: PageRequest) -> Message | None:
        """Return what a worker answers for a page."""
        ...


def summed_site(workers: Workers, loaded: Loaded, shown: Callable[[], object]) -> Site:
    """Return the pages: metrics summed, and all other pages of the workers from one of them.

    `shown` returns the configuration as `/config.json` shows it.
    """

    def stop(_request: PageRequest) -> PageReply:
        workers.shut_down()
        return PageReply.of_text("draining\n")

    site = Site(liveness_pages(workers.awaited), Security(loaded.stack.admin.security).allows)
    site.add(
        Page(
            "/admin/workers.json",
            "the workers: which are ready, and how often each was replaced",
            lambda _request: PageReply(200, JSON, as_json(workers.slots).encode()),
        )
    )
    site.add(Page("/config.json", "the effective configuration", lambda _request: PageReply.of_json(shown())))
    site.add(Page("/admin/shutdown", "POST: end all workers gracefully", stop, methods=("POST",)))
    made = telemeters(loaded.stack.telemetry)
    for page in _metrics_pages(made, Metrics()).pages:
        site.add(attrs.evolve(page, handle=_summed(workers, made), summary=f"{page.summary}; ?worker=N for one"))
    for page in (info_page(), *document_pages(site)):
        site.add(page)
    add_index(site)
    for path, summary, methods in _worker_pages(workers.slots):
        if path not in site:
            site.add(Page(path, f"{summary}; of one worker, ?worker=N", _forwarded(workers), methods=tuple(methods)))
    return site


def _worker_pages(slots: Sequence[Slot]) -> list[list[Any]]:
    return next((slot.pages for slot in slots if slot.pages), [])


def _metrics_pages(made: Telemeters, metrics: Metrics) -> Site:
    site = Site([metrics_page(metrics), prometheus_page(metrics)])
    add_telemeters(site, made, lambda: metrics, sums=True)
    return site


def _number(request: PageRequest) -> int | None:
    """Return the number of the worker that is asked for; -1 for what is none."""
    text = request.first("worker")
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) < 6 else -1


def _summed(workers: Workers, made: Telemeters) -> Callable[[PageRequest], Any]:
    async def handle(request: PageRequest) -> PageReply:
        number = _number(request)
        metrics = await workers.whole() if number is None else await workers.one(number)
        if metrics is None:
            return PageReply.of_text(NO_WORKER, 404)
        return await _metrics_pages(made, metrics).handle(request)

    return handle


def _forwarded(workers: Workers) -> Callable[[PageRequest], Any]:
    async def handle(request: PageRequest) -> PageReply:
        number = _number(request)
        if number is not None and not 0 <= number < len(workers.slots):
            return PageReply.of_text(NO_WORKER, 404)
        shown = await workers.page(number, request)
        if shown is None:
            return PageReply.of_text(NO_WORKER, 404)
        headers = tuple((name, value) for name, value in shown["headers"])
        return PageReply(shown["status"], shown["content_type"], shown["body"].encode("latin-1"), headers)

    return handle
