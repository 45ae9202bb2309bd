"""Filters bound to services, and who is blamed for an error."""

import functools
from collections.abc import Awaitable
from typing import Any

import pytest

from mesh.filtering import bind, blame, filtered, known
from mesh.message import Reply, Request
from mesh.params import Params
from mesh.service import AnyFilter, Rep, Req, Service
from tests.trails import TRAIL, leaf, met, passing, raised_by


class Counting:
    """A filter that keeps count of how often its `__call__` was looked up."""

    lookups = 0

    def __getattribute__(self, name: str) -> object:
        if name == "__call__":
            Counting.lookups += 1
        return object.__getattribute__(self, name)

    async def __call__(self, request: Req, service: Service[Req, Rep], /) -> Rep:
        return await service(request)


async def test_binding_looks_a_filter_up_once() -> None:
    service = bind(Counting(), leaf(Params()))

    for _ in range(3):
        await service(Request())

    assert Counting.lookups == 1


async def with_more(request: Request, service: Service[Request, Reply], log: list[str] | None = None) -> Reply:
    assert log is None
    return await service(request)


async def with_any(*arguments: Any) -> Reply:
    request, service = arguments
    reply: Reply = await service(request)
    return reply


def passing_by_hand(request: Request, service: Service[Request, Reply], /) -> Awaitable[Reply]:
    return service(request)


@pytest.mark.parametrize("written", [with_more, with_any, passing_by_hand, functools.partial(with_more, log=None)])
async def test_a_filter_may_be_written_in_any_way(written: AnyFilter) -> None:
    inner, outer = bind(written, leaf(Params())), bind(written, bind(written, leaf(Params())))

    assert (await met(inner), await met(outer)) == ((), ())


class Raising:
    """A filter with a bug."""

    async def __call__(self, request: Req, service: Service[Req, Rep], /) -> Rep:
        raise LookupError("a bug")


async def test_an_error_is_blamed_on_the_innermost_filter_it_came_through() -> None:
    service = bind(passing, bind(Raising(), leaf(Params())))

    assert blame(await raised_by(service)) == f"{__name__}.Raising"


async def test_an_error_is_blamed_on_the_name_that_a_filter_was_bound_under() -> None:
    service = bind(passing, bind(Raising(), leaf(Params()), "greeting"), "outer")

    assert blame(await raised_by(service)) == "greeting"


async def test_a_filter_that_is_a_function_is_blamed_by_its_name() -> None:
    async def broken(_request: Request, /) -> Reply:
        raise LookupError("below")

    assert blame(await raised_by(bind(passing, broken))) == f"{passing.__module__}.passing"


async def test_a_service_that_is_known_is_blamed_before_the_filters_above_it() -> None:
    async def endpoint(_request: Request, /) -> Reply:
        raise LookupError("below")

    known(endpoint, "the endpoint")

    assert blame(await raised_by(bind(passing, endpoint))) == "the endpoint"


def test_an_error_that_met_no_filter_is_nobodys_fault() -> None:
    assert blame(LookupError("never raised")) == ""


def test_what_is_no_function_cannot_be_known() -> None:
    known(print, "a builtin")


async def test_a_plain_filter_becomes_a_module_that_builds_the_rest_once() -> None:
    module = filtered("greeting", passing, above=("pool",), below=("router",), why="a reason", section="service")

    service = module.wrap(Params().put(TRAIL, ("there",)), leaf)

    assert await met(service) == ("there",)
    assert (module.role, module.above, module.below, module.section) == ("greeting", ("pool",), ("router",), "service")
