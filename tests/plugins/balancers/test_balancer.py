"""Nodes, leases, and endpoint stacks."""

import contextlib

import pytest
import trio
import trio.testing

from mesh import (
    ENDPOINT,
    HEALTH,
    LIFE,
    ONE_SHOT,
    ConnectFailed,
    Endpoint,
    Expiry,
    Life,
    Params,
    Status,
    TotalTimeout,
)
from mesh.testing import request
from mesh_plugins.balancers import balancer as balancers
from mesh_plugins.balancers.balancer import balancer
from tests.plugins.balancers.balancing import A, B, Bench, C, loads
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising, streamed


async def test_a_request_goes_to_the_endpoint_that_was_picked(life: Life) -> None:
    bench = Bench(life)
    built, asked = bench.build(A, B), request()

    await built(asked)

    assert (bench.asked, asked.context.endpoint) == ([A], A)


async def test_an_endpoint_stack_is_built_when_it_is_first_used_and_once(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B)
    assert bench.rest.built == []

    for _number in range(4):
        await built(request())

    assert bench.rest.seen(ENDPOINT) == [A, B]


async def test_an_endpoint_stack_gets_the_cell_that_the_balancer_reads(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A)
    await built(request())

    (health,) = bench.rest.seen(HEALTH)
    health.say("breaker", Status.BUSY)

    assert built.count(Status.BUSY) == 1


async def test_an_endpoint_stack_that_cannot_be_built_costs_its_request_alone(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A)
    bench.rest.error = LookupError("broken plugin")
    with pytest.raises(LookupError):
        await built(request())
    bench.rest.error = None

    await built(request())

    assert loads(built) == [0]
    assert [params[LIFE].closed for params in bench.rest.built] == [True, False]


async def test_an_endpoint_is_loaded_while_it_works(life: Life, nursery: trio.Nursery) -> None:
    bench = Bench(life, Rest(hanging))
    built = bench.build(A, B)

    for _number in range(3):
        nursery.start_soon(built, request())
    await trio.testing.wait_all_tasks_blocked()

    assert loads(built) == [2, 1]
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer", [None, raising(ConnectFailed("refused")), raising(LookupError("a plugin's"))])
async def test_an_endpoint_is_free_after_a_whole_reply_or_an_error(life: Life, answer: Answer | None) -> None:
    bench = Bench(life, Rest() if answer is None else Rest(answer))
    built = bench.build(A)

    with contextlib.suppress(ConnectFailed, LookupError):
        await built(request())

    assert loads(built) == [0]


async def test_an_endpoint_is_free_after_a_cancellation(life: Life) -> None:
    built = Bench(life, Rest(hanging)).build(A)

    with trio.move_on_after(0.0):
        await built(request())

    assert loads(built) == [0]


async def test_an_endpoint_is_loaded_until_a_streamed_reply_is_closed(life: Life) -> None:
    built = Bench(life, Rest(lambda _request: streamed())).build(A)

    reply = await built(request())

    assert loads(built) == [1]
    await reply.aclose()
    assert loads(built) == [0]


async def test_where_all_are_busy_requests_are_sent_all_the_same(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B)
    for node in built.nodes.values():
        node.health.say("test", Status.BUSY)

    await built(request())

    assert bench.asked == [A]
    assert built.counts.max_effort_exhausted == 1


async def test_a_balancer_is_shown_among_the_metrics_of_its_client(life: Life) -> None:
    bench = Bench(life, Rest(lambda _request: streamed()))
    built = bench.build(A, B)
    bench.set(B, C, Endpoint("10.0.0.4", 80))
    await built(request())
    built.nodes[B].health.say("test", Status.CLOSED)
    built.nodes[C].health.say("test", Status.BUSY)

    assert numbers(bench.metrics, "client/#/fs/web")["available"] == 1
    assert numbers(bench.metrics, "client/#/fs/web/loadbalancer") == {
        "size": 3,
        "available": 1,
        "busy": 1,
        "closed": 1,
        "load": 1,
        "probation": 0,
        "panicking": 0,
        "adds": 4,
        "removes": 1,
        "updates": 2,
        "rebuilds": 2,
        "max_effort_exhausted": 0,
        "panicked": 0,
        "algorithm/in_turn": 1,
    }


async def test_a_balancer_for_one_reply_is_not_shown(life: Life) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(ONE_SHOT, True)

    bench.build(A)

    assert numbers(bench.metrics) == {}


async def test_a_balancer_needs_a_bound_name(life: Life) -> None:
    with pytest.raises(LookupError, match="a balancer needs a bound name"):
        balancer(Params().put(LIFE, life), Rest())


def test_by_default_two_endpoints_are_drawn() -> None:
    assert Params()[balancers.NEW_DISTRIBUTOR]().algorithm == "p2c_least_loaded"


async def test_a_request_waits_for_the_first_addresses_no_longer_than_it_lasts(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    asked = request()
    asked.context.expiry = Expiry(trio.current_time() + 1.5, TotalTimeout, "too late")

    with pytest.raises(TotalTimeout, match="too late"):
        await Bench(life).build()(asked)
