"""A filter that does nothing: what it costs is what a filter costs. Copied beside the stack file that names it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

Req = TypeVar("Req")
Rep = TypeVar("Rep")


class PassThrough:
    """Pass the request on."""

    async def __call__(self, request: Req, service: Callable[[Req], Awaitable[Rep]], /) -> Rep:
        return await service(request)
