"""The pages by which others see whether the process lives, and whether it is ready for requests."""

from collections.abc import Callable, Iterable

from mesh.admin.pages import Page, PageReply, PageRequest

Awaited = Callable[[], Iterable[str]]
"""Returns what the process still waits for before it can take requests; nothing, when it is ready."""


def liveness_pages(awaited: Awaited) -> list[Page]:
    """Return `/admin/ping`, which answers `pong`, and `/admin/ready`, which answers 503 and why until nothing is awaited."""

    def ready(_request: PageRequest) -> PageReply:
        waiting = list(awaited())
        if waiting:
            return PageReply.of_text("".join(f"waiting for {what}\n" for what in waiting), 503)
        return PageReply.of_text("ready\n")

    return [
        Page("/admin/ping", "pong, from a process that lives", lambda _request: PageReply.of_text("pong")),
        Page("/admin/ready", "200 when requests can be taken, otherwise 503 and why not", ready),
    ]
