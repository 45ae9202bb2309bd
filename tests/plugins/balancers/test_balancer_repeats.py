"""Where repeated requests go."""

from collections.abc import Sequence, ValuesView
from random import Random

import pytest

from mesh import (
    Endpoint,
    Life,
    Status,
)
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR
from mesh_plugins.balancers.heap import HeapConfig, heap
from mesh_plugins.balancers.node import Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from tests.plugins.balancers.balancing import A, B, Bench, C, after


class Listed(dict[Endpoint, Node]):
    """Nodes by endpoint that count how often somebody looks at all of them."""

    listed = 0

    def values(self) -> ValuesView[Node]:  # type: ignore[override]  # what a dict returns is a class of its own
        self.listed += 1
        return ValuesView(self)


@pytest.mark.parametrize("tried", [(A,), (B,), (A, B)])
async def test_a_repeat_goes_to_an_endpoint_that_was_not_tried(life: Life, tried: Sequence[Endpoint]) -> None:
    bench = Bench(life)
    built = bench.build(A, B, C)

    for _number in range(10):
        await built(after(*tried))

    assert not set(bench.asked) & set(tried)


async def test_a_repeat_prefers_open_endpoints_among_the_untried(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B, C)
    built.nodes[B].health.say("test", Status.BUSY)

    for _number in range(10):
        await built(after(A))

    assert set(bench.asked) == {C}


async def test_a_repeat_takes_an_untried_endpoint_that_is_not_open_before_one_that_was_tried(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B)
    built.nodes[B].health.say("test", Status.BUSY)

    for _number in range(10):
        await built(after(A))

    assert set(bench.asked) == {B}


async def test_a_repeat_finds_the_only_open_one_among_many(life: Life) -> None:
    bench = Bench(life)
    many = [Endpoint("10.0.0.1", port) for port in range(1, 31)]
    built = bench.build(*many)
    for endpoint in many[20:-1]:
        built.nodes[endpoint].health.say("test", Status.BUSY)

    await built(after(*many[:20]))

    assert bench.asked == [many[-1]]


async def test_a_repeat_that_tried_all_goes_to_any(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B)

    for _number in range(10):
        await built(after(A, B))

    assert set(bench.asked) == {A, B}


async def test_a_repeat_finds_the_only_untried_one_of_many(life: Life) -> None:
    bench = Bench(life)
    many = [Endpoint(f"10.0.{number // 256}.{number % 256}", 80) for number in range(1000)]
    bench.params = bench.params.put(NEW_DISTRIBUTOR, p2c(P2CConfig(), Random(7)))
    built = bench.build(*many)

    await built(after(*many[:-1]))

    assert bench.asked == [many[-1]]


async def test_a_repeat_among_many_does_not_look_at_all(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B, C)
    endpoints = Listed(built.nodes)
    built.members.nodes = endpoints

    await built(after(A))

    assert endpoints.listed == 0


async def test_a_repeat_goes_elsewhere_even_where_one_endpoint_is_always_the_best(life: Life) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(NEW_DISTRIBUTOR, heap(HeapConfig(), Random(7)))
    built = bench.build(A, B, C)

    for _number in range(50):  # which of two comes first hangs on the order of a set
        await built(after(A))

    assert set(bench.asked) == {B, C}
