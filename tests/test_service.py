from mesh.message import Reply, Request
from mesh.service import Filter, Rep, Req, Service


class Untouched:
    """A filter of any protocol: it keeps the types of what passes."""

    async def __call__(self, request: Req, service: Service[Req, Rep], /) -> Rep:
        return await service(request)


async def function(request: Request, service: Service[Request, Reply], /) -> Reply:
    return await service(request)


async def test_a_filter_may_be_an_object_or_a_function() -> None:
    """That both are accepted by type is for mypy to see here."""
    answered = Reply()

    async def service(_request: Request, /) -> Reply:
        return answered

    filters: list[Filter[Request, Reply]] = [Untouched(), function]

    assert [await each(Request(), service) for each in filters] == [answered, answered]
