"""How many requests are in progress at a time."""

import pytest

from mesh import METRICS, Metrics, Overloaded, Params
from mesh.testing import request
from mesh_plugins.filters.concurrency import ConcurrencyLimitConfig, concurrency_limit
from tests.plugins.rest import Rest, numbers, streamed


async def test_what_goes_beyond_is_refused_and_counted() -> None:
    metrics = Metrics()
    module = concurrency_limit(ConcurrencyLimitConfig(1))
    service = module.wrap(Params().put(METRICS, metrics), Rest(lambda _request: streamed()))
    first = await service(request())

    with pytest.raises(Overloaded, match="more than 1 requests at a time"):
        await service(request())
    await first.aclose()
    await service(request())

    assert numbers(metrics, "concurrency_limit")["refused"] == 1


async def test_each_stack_counts_for_itself() -> None:
    module = concurrency_limit(ConcurrencyLimitConfig(1))
    params = Params().put(METRICS, Metrics())
    first, second = (module.wrap(params, Rest(lambda _request: streamed())) for _stack in range(2))

    await first(request())

    await second(request())
