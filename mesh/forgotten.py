"""Replies that a filter forgot to close: found when an exchange has ended, closed, and told to whoever wrote the filter."""

import logging

from mesh.filtering import bind, call_of
from mesh.message import EMPTY, Reply, Request
from mesh.service import AnyFilter, AnyService

logger = logging.getLogger(__name__)


class Watch:
    """What is known of strangers' filters: `names` of those in use; `is_close`: stacks built now look at each of them.

    That begins when a reply was first found forgotten, since it costs 0.2 µs a filter and request.
    """

    __slots__ = ("is_close", "names")

    def __init__(self) -> None:
        self.is_close = False
        self.names: set[str] = set()


WATCH = Watch()


def bind_watched(filter: AnyFilter, service: AnyService, name: str) -> AnyService:  # noqa: A002  the field's word
    """Do as `bind` for a stranger's filter, so that the log can say that it forgot to close a reply."""
    call = call_of(filter, name)
    WATCH.names.add(name)
    if not WATCH.is_close:
        return bind(filter, service, name)

    async def watched(request: Request, /) -> Reply:
        try:
            reply: Reply = await call(request, service)
        except Exception:
            await _close_open(request.context.replies, None, name)
            raise
        if request.context.replies is not reply:
            await _close_open(request.context.replies, reply, name)
        return reply

    return watched


async def close_forgotten(made: Reply | list[Reply], returned: Reply | None) -> None:
    """Close whatever an exchange received and nobody closed, now that `returned` has been written.

    If there was more than what lent `returned` its body, log whose fault it may be, and watch from now on. `returned` is
    None for an exchange that was broken off, which is nobody's fault.
    """
    names = sorted(WATCH.names)
    name = names[0] if len(names) == 1 else f"one of the filters {', '.join(names)}"
    if returned is not None and await _close_open(made, returned, name):
        WATCH.is_close = True
    for reply in made if isinstance(made, list) else [made]:
        await reply.aclose()


async def _close_open(made: Reply | list[Reply] | None, returned: Reply | None, name: str) -> bool:
    """Close what came from below and neither was closed, nor is returned, nor lends its body to what is."""
    found = False
    for reply in made if isinstance(made, list) else [made]:
        if reply is None or reply.closed or reply is returned:
            continue
        if returned is not None and reply.body is returned.body and reply.body is not EMPTY:
            continue
        logger.warning("%s forgot to close a reply", name)
        found = True
        await reply.aclose()
    return found
