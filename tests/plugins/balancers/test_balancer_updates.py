"""Address sets that come, change, and fail."""

from random import Random

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    ENDPOINT,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrPending,
    BindingTimeout,
    Life,
    MeshError,
    Unavailable,
)
from mesh.testing import request
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.binding import BINDING_SECONDS
from tests.plugins.balancers.balancing import A, B, Bench, C, loads
from tests.plugins.rest import Rest, streamed


async def test_an_update_touches_only_what_came_and_went(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, B)
    for _number in range(2):
        await built(request())

    bench.set(B, C)
    for _number in range(2):
        await built(request())

    assert bench.rest.seen(ENDPOINT) == [A, B, C]
    assert bench.closed == [A]
    assert list(built.nodes) == [B, C]


async def test_an_endpoint_that_was_removed_closes_with_its_last_reply(life: Life) -> None:
    bench = Bench(life, Rest(lambda _request: streamed()))
    built = bench.build(A)
    first, second = await built(request()), await built(request())

    bench.set(B)

    await first.aclose()
    assert bench.closed == []
    await second.aclose()
    assert bench.closed == [A]


async def test_an_endpoint_that_comes_back_has_a_stack_of_its_own(life: Life) -> None:
    bench = Bench(life, Rest(lambda _request: streamed()))
    built = bench.build(A)
    old = await built(request())
    bench.set(B)
    bench.set(A)

    new = await built(request())
    await old.aclose()

    assert bench.rest.seen(ENDPOINT) == [A, A]
    assert bench.closed == [A]
    assert loads(built) == [1]
    await new.aclose()


async def test_weights_are_updated_without_a_new_stack(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A)
    await built(request())

    bench.set(attrs.evolve(A, weight=3.0))
    await built(request())

    assert bench.rest.seen(ENDPOINT) == [A]
    assert [node.endpoint.weight for node in built.nodes.values()] == [3.0]


async def test_weights_that_make_no_sense_change_nothing(life: Life, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(NEW_DISTRIBUTOR, p2c(P2CConfig(), Random(7)))
    built = bench.build(A)
    await built(request())

    bench.set(B, attrs.evolve(C, weight=-1.0))
    await built(request())

    assert bench.asked == [A, A]
    assert bench.closed == []
    assert "every weight finite and not negative" in caplog.text


async def test_an_endpoint_that_is_said_twice_counts_once(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A)
    await built(request())

    bench.set(A, A, B)
    for _number in range(2):
        await built(request())

    assert bench.asked == [A, A, B]
    assert bench.rest.seen(ENDPOINT) == [A, B]


@pytest.mark.parametrize("later", [AddrPending(), AddrFailed("no answer")])
async def test_the_last_endpoints_stay_when_the_source_fails(life: Life, later: Addr) -> None:
    bench = Bench(life)
    built = bench.build(A)

    bench.addr.set(later)
    await built(request())

    assert bench.asked == [A]


@pytest.mark.parametrize(
    ("addr", "text"),
    [
        (AddrBound(()), "/#/fs/web has no endpoints"),
        (AddrNeg(), "/#/fs/web has no endpoints: there is no such name any more"),
        (AddrFailed("no answer"), "/#/fs/web has no endpoints: no answer"),
    ],
)
async def test_where_there_is_no_endpoint_that_is_said(life: Life, addr: Addr, text: str) -> None:
    bench = Bench(life)
    bench.addr.set(addr)

    with pytest.raises(Unavailable, match=f"^{text}$"):
        await bench.build()(request())


async def test_endpoints_that_all_went_are_drained(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A)
    await built(request())

    bench.addr.set(AddrNeg())

    assert bench.closed == [A]
    with pytest.raises(Unavailable):
        await built(request())


async def test_a_request_waits_for_the_first_endpoints(life: Life, nursery: trio.Nursery) -> None:
    bench = Bench(life)
    nursery.start_soon(bench.build(), request())
    await trio.testing.wait_all_tasks_blocked()

    bench.set(A)
    await trio.testing.wait_all_tasks_blocked()

    assert bench.asked == [A]


async def test_endpoints_that_do_not_come_are_waited_for_so_long_and_no_longer(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(BINDING_SECONDS, 2.5)
    text = "^exceeded 2.5 s binding timeout while connecting to /#/fs/web for name: /svc/web$"

    with pytest.raises(BindingTimeout, match=text):
        await bench.build()(request())

    assert trio.current_time() == pytest.approx(2.5)


async def test_who_waits_is_told_at_once_that_there_is_none(life: Life, nursery: trio.Nursery) -> None:
    bench = Bench(life)
    built = bench.build()
    errors: list[MeshError] = []

    async def ask() -> None:
        try:
            await built(request())
        except MeshError as error:
            errors.append(error)

    nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    bench.addr.set(AddrNeg())
    await trio.testing.wait_all_tasks_blocked()

    assert [type(error) for error in errors] == [Unavailable]


async def test_a_client_stack_that_ends_watches_no_addresses(life: Life) -> None:
    bench = Bench(life)
    bench.build(A)

    life.close()

    assert not bench.addr.is_watched
