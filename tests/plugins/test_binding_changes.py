"""Bindings that change, and client stacks that come and go with them."""

import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    NEG,
    ONE_SHOT,
    PENDING,
    BoundName,
    Failed,
    Life,
    Params,
    Unroutable,
)
from mesh.testing import request
from mesh_plugins.binding import CLIENT_PARAMS, Clients
from mesh_plugins.router import CacheSizes
from tests.plugins.bindings import Bench, leaf, union
from tests.plugins.rest import hanging, numbers, streamed


@pytest.mark.parametrize("later", [PENDING, Failed("gone")])
async def test_the_last_good_binding_stays(life: Life, later: Failed) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/fs/web"))
    built = bench.build()

    bench.bind(later)
    await built(request())

    assert bench.asked == ["/#/fs/web"]


async def test_a_name_that_ends_is_unroutable_from_then_on_and_may_come_back(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/fs/web"))
    built = bench.build()
    bench.bind(NEG)
    with pytest.raises(Unroutable):
        await built(request())

    bench.bind(leaf("/#/fs/web"))
    await built(request())

    assert bench.built == ["/#/fs/web"]


async def test_a_request_in_flight_stays_where_it_is_when_the_binding_changes(
    life: Life, nursery: trio.Nursery
) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/old"))
    built = bench.build()
    bench.rest.answer = hanging
    nursery.start_soon(built, request())
    await trio.testing.wait_all_tasks_blocked()
    bench.rest.answer = lambda _request: streamed()

    bench.bind(leaf("/#/new"))
    reply = await built(request())

    assert bench.asked == ["/#/old", "/#/new"]
    assert bench.in_use == {"/#/old": 1, "/#/new": 2}  # the request alone; the choice and the request
    await reply.aclose()
    assert bench.in_use == {"/#/old": 1, "/#/new": 1}
    nursery.cancel_scope.cancel()


async def test_a_client_stack_that_stays_in_the_binding_is_not_built_again(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/a"))
    bench.build()

    bench.bind(union(a=1.0, b=1.0))
    bench.bind(leaf("/#/b"))

    assert bench.built == ["/#/a", "/#/b"]
    assert bench.in_use == {"/#/a": 0, "/#/b": 1}


async def test_a_bound_name_too_many_has_a_stack_as_long_as_it_is_bound_and_used(life: Life) -> None:
    bench = Bench(life, CacheSizes(clients=1))
    bench.bind(union(a=0.0, b=1.0))
    bench.rest.answer = lambda _request: streamed()
    built = bench.build()
    first, second = await built(request()), await built(request())

    assert bench.rest.seen(ONE_SHOT) == [False, True]
    bench.bind(leaf("/#/a"))
    await first.aclose()
    assert bench.rest.closed == []
    await second.aclose()
    assert [str(params[BOUND]) for params in bench.rest.closed] == ["/#/b"]


async def test_a_client_stack_that_cannot_be_built_costs_each_request_its_error(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(life)
    bench.rest.error = LookupError("broken plugin")
    bench.bind(leaf("/#/web"))
    built = bench.build()

    for _number in range(2):
        with pytest.raises(LookupError, match="broken plugin"):
            await built(request())
    bench.rest.error = None
    await built(request())

    assert bench.asked == ["/#/web"]
    assert "a binding of /svc/web cannot be used; it is tried again" in caplog.text


async def test_a_binding_whose_client_stacks_cannot_be_built_does_not_replace_the_one_before(
    life: Life, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/a"))
    built = bench.build()
    bench.rest.error = LookupError("broken plugin")

    bench.bind(union(a=1.0, b=1.0))
    await built(request())

    assert bench.asked == ["/#/a"]
    assert bench.in_use == {"/#/a": 1}
    assert "the one before is kept" in caplog.text


async def test_a_binding_that_changes_while_its_client_stack_is_built_is_followed(life: Life) -> None:
    bench = Bench(life)

    def build_and_change(params: Params, bound: BoundName) -> Params:
        if str(bound.id) == "/#/a":
            bench.bind(leaf("/#/b"))
        return params

    bench.clients = Clients(bench.params.put(CLIENT_PARAMS, build_and_change))
    built = bench.build()

    bench.bind(leaf("/#/a"))
    await built(request())

    assert bench.asked == ["/#/b"]
    assert bench.in_use == {"/#/a": 0, "/#/b": 1}


async def test_a_client_stack_ends_an_idle_time_after_the_last_binding_that_led_to_it(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, CacheSizes(idle_seconds=60.0))
    bench.bind(leaf("/#/web"))
    own = life.child("path")
    bench.build(life=own)
    await trio.sleep(1000.0)
    assert bench.rest.closed == []

    own.close()
    await trio.sleep(100.0)

    assert [str(params[BOUND]) for params in bench.rest.closed] == ["/#/web"]
    assert numbers(bench.metrics, "bindcache/client") == {
        "misses": 1,
        "evicts": 0,
        "expires": 1,
        "oneshots": 0,
        "active": 0,
    }
