"""Services at the end of small stacks, which tell what their requests met, and what is said to them."""

import pytest

from mesh.message import Reply, Request
from mesh.params import Param, Params
from mesh.service import AnyService, Service

TRAIL: Param[tuple[str, ...]] = Param((), "trail")


class Trail(Reply):
    """A reply that tells which layers its request met."""

    def __init__(self, met: tuple[str, ...]) -> None:
        super().__init__()
        self.met = met


def leaf(params: Params) -> AnyService:
    async def service(_request: Request, /) -> Reply:
        return Trail(params[TRAIL])

    return service


async def met(service: AnyService) -> tuple[str, ...]:
    reply: Trail = await service(Request())
    return reply.met


async def passing(request: Request, service: Service[Request, Reply], /) -> Reply:
    return await service(request)


async def raised_by(service: AnyService) -> BaseException:
    with pytest.raises(LookupError) as caught:
        await service(Request())
    return caught.value
