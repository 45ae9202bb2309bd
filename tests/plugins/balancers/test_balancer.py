"""Nodes, leases, and endpoint stacks."""

import contextlib
from collections.abc import Sequence
from random import Random

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    ENDPOINT,
    HEALTH,
    LIFE,
    METRICS,
    ONE_SHOT,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrPending,
    BindingTimeout,
    BoundName,
    ConnectFailed,
    Endpoint,
    HttpRequest,
    Life,
    MeshError,
    Metrics,
    Params,
    Path,
    Status,
    Unavailable,
    Var,
)
from mesh.testing import request
from mesh_plugins.balancers import balancer as balancers
from mesh_plugins.balancers.balancer import NEW_DISTRIBUTOR, ON_BALANCER, Balancer, balancer
from mesh_plugins.balancers.node import Distributor, Node
from mesh_plugins.balancers.p2c import P2CConfig, p2c
from mesh_plugins.binding import BINDING_SECONDS
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising, streamed

A, B, C = (Endpoint(f"10.0.0.{number}", 80) for number in (1, 2, 3))


class InTurn:
    """Picks one node after the other, whatever their state."""

    def __init__(self, nodes: list[Node]) -> None:
        self._nodes = nodes
        self._next = 0

    def pick(self) -> Node:
        self._next += 1
        return self._nodes[(self._next - 1) % len(self._nodes)]


@attrs.define(eq=False)
class Bench:
    """A balancer over an address set and endpoint stacks of the test's own; endpoints are picked in turn."""

    life: Life
    rest: Rest = attrs.field(factory=Rest)
    addr: Var[Addr] = attrs.field(factory=lambda: Var[Addr](AddrPending()))
    metrics: Metrics = attrs.field(factory=Metrics)
    params: Params = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        name = BoundName(Path.read("/#/fs/web"), Path(), self.addr)
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(BOUND, name)
        self.params = params.put(NEW_DISTRIBUTOR, InTurn)

    def set(self, *endpoints: Endpoint) -> None:
        self.addr.set(AddrBound(endpoints))

    def build(self, *endpoints: Endpoint) -> Balancer:
        if endpoints:
            self.set(*endpoints)
        built: list[Balancer] = []
        balancer(self.params.put(ON_BALANCER, built.append), self.rest)
        return built[0]

    @property
    def asked(self) -> list[Endpoint]:
        """The endpoints that requests went to, in order."""
        return self.rest.asked(ENDPOINT)

    @property
    def closed(self) -> list[Endpoint]:
        return [params[ENDPOINT] for params in self.rest.closed]


def after(*tried: Endpoint) -> HttpRequest:
    """Return a request that was at these endpoints before."""
    asked = request()
    asked.context.tried = tried
    return asked


def loads(built: Balancer) -> list[int]:
    return [node.load for node in built.nodes.values()]


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


async def test_an_endpoint_that_is_said_twice_counts_once(life: Life) -> None:
    bench = Bench(life)
    built = bench.build(A, A, B)
    for _number in range(2):
        await built(request())

    bench.set(C)

    assert bench.asked == [A, B]
    assert sorted(map(str, bench.closed)) == [str(A), str(B)]


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
    made: list[int] = []

    def counting(nodes: list[Node]) -> Distributor:
        made.append(len(nodes))
        return InTurn(nodes)

    bench = Bench(life)
    bench.params = bench.params.put(NEW_DISTRIBUTOR, counting)
    built = bench.build(A, B, C)

    await built(after(A))

    assert made == [3]  # for the address set alone


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

    assert numbers(bench.metrics, "client/#/fs/web/loadbalancer") == {
        "size": 3,
        "available": 1,
        "busy": 1,
        "closed": 1,
        "load": 1,
        "adds": 4,
        "removes": 1,
        "updates": 2,
        "max_effort_exhausted": 0,
    }


async def test_a_balancer_for_one_reply_is_not_shown(life: Life) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(ONE_SHOT, True)

    bench.build(A)

    assert numbers(bench.metrics) == {}


async def test_a_client_stack_that_ends_watches_no_addresses(life: Life) -> None:
    bench = Bench(life)
    bench.build(A)

    life.close()

    assert not bench.addr.is_watched


async def test_a_balancer_needs_a_bound_name(life: Life) -> None:
    with pytest.raises(LookupError, match="a balancer needs a bound name"):
        balancer(Params().put(LIFE, life), Rest())


def test_by_default_two_endpoints_are_drawn() -> None:
    nodes = [Node(A), Node(B)]

    assert Params()[balancers.NEW_DISTRIBUTOR](nodes).pick() in nodes
