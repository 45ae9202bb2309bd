"""What a name is bound to, and the client stacks that its requests go to."""

from collections import Counter
from random import Random

import attrs
import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    EMPTY_DTAB,
    INTERPRETER,
    LIFE,
    METRICS,
    NEG,
    ONE_SHOT,
    PATH,
    PENDING,
    Addr,
    AddrBound,
    AddrFailed,
    AddrPending,
    BindingTimeout,
    BoundName,
    ConnectFailed,
    Dtab,
    Endpoint,
    Failed,
    HttpRequest,
    Leaf,
    Life,
    Metrics,
    NameTree,
    Param,
    Params,
    Path,
    Union,
    Unroutable,
    Var,
    Weighted,
)
from mesh.testing import FakeInterpreter, request
from mesh_plugins.binding import BINDING_SECONDS, CLIENT_PARAMS, CLIENTS, Binding, Clients, binding
from mesh_plugins.router import CACHE_SIZES, CacheSizes
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising, streamed

WEB = Path.read("/svc/web")
OVERRIDE = Dtab.read("/svc/web => /svc/shop")


def name(id_: str, residual: str = "/", addr: Addr | None = None) -> BoundName:
    known = AddrBound((Endpoint("10.0.0.1", 80),)) if addr is None else addr
    return BoundName(Path.read(id_), Path.read(residual), Var[Addr](known))


def leaf(id_: str, residual: str = "/") -> NameTree[BoundName]:
    return Leaf(name(id_, residual))


def union(**weights: float) -> NameTree[BoundName]:
    return Union(tuple(Weighted(weight, leaf(f"/#/{id_}")) for id_, weight in weights.items()))


def overridden() -> HttpRequest:
    asked = request()
    asked.context.local_dtab = OVERRIDE
    return asked


@attrs.define(eq=False)
class Bench:
    """Bindings of one router over an interpreter and client stacks of the test's own."""

    life: Life
    sizes: CacheSizes = attrs.field(factory=CacheSizes)
    rest: Rest = attrs.field(factory=Rest)
    interpreter: FakeInterpreter = attrs.field(factory=FakeInterpreter)
    metrics: Metrics = attrs.field(factory=Metrics)
    params: Params = attrs.field(init=False)
    clients: Clients = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(CACHE_SIZES, self.sizes)
        self.params = params.put(INTERPRETER, self.interpreter)
        self.clients = Clients(self.params, Random(7))

    def build(self, path: Path = WEB, life: Life | None = None) -> Binding:
        params = self.params.put(PATH, path).put(LIFE, self.life if life is None else life)
        return Binding(params, self.rest, self.interpreter, self.clients)

    def bind(self, tree: NameTree[BoundName] | Failed, local: Dtab = EMPTY_DTAB) -> None:
        self.interpreter.binding(WEB, local).set(tree)

    def is_watched(self, local: Dtab = EMPTY_DTAB) -> bool:
        return self.interpreter.binding(WEB, local).is_watched

    @property
    def asked(self) -> list[str]:
        """The ids that requests went to, in order."""
        return [str(bound.id) for bound in self.rest.asked(BOUND)]

    @property
    def built(self) -> list[str]:
        return [str(bound.id) for bound in self.rest.seen(BOUND)]

    @property
    def in_use(self) -> dict[str, int]:
        return {str(bound.id): branch.in_use for bound, branch in self.clients.branches.items()}


async def test_a_request_goes_to_the_client_stack_of_its_bound_name(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/fs/web", "/rest"))
    asked = request()

    await bench.build()(asked)

    assert bench.asked == ["/#/fs/web"]
    assert asked.context.bound == name("/#/fs/web", "/rest")


async def test_a_client_stack_is_shared_by_all_paths_and_residuals(life: Life) -> None:
    bench = Bench(life)
    other = Path.read("/svc/other")
    bench.bind(leaf("/#/fs/web", "/a"))
    bench.interpreter.binding(other).set(leaf("/#/fs/web", "/b"))

    await bench.build()(request())
    await bench.build(other)(request())

    assert bench.built == ["/#/fs/web"]
    assert bench.rest.seen(BOUND)[0].residual == Path.read("/")


async def test_a_client_stack_knows_no_path_but_what_the_settings_say_of_its_name(life: Life) -> None:
    greeting = Param("", "greeting")
    bench = Bench(life)
    params = bench.params.put(CLIENT_PARAMS, lambda params, bound: params.put(greeting, f"hello {bound.id}"))
    bench.clients = Clients(params)
    bench.bind(leaf("/#/fs/web"))

    bench.build()

    assert bench.rest.seen(PATH) == [Path()]
    assert bench.rest.seen(greeting) == ["hello /#/fs/web"]


async def test_a_request_waits_for_the_first_binding(life: Life, nursery: trio.Nursery) -> None:
    bench = Bench(life)
    nursery.start_soon(bench.build(), request())
    await trio.testing.wait_all_tasks_blocked()

    bench.bind(leaf("/#/fs/web"))
    await trio.testing.wait_all_tasks_blocked()

    assert bench.asked == ["/#/fs/web"]


async def test_a_binding_that_does_not_come_is_waited_for_so_long_and_no_longer(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life)
    bench.params = bench.params.put(BINDING_SECONDS, 2.5)
    started = trio.current_time()

    with pytest.raises(BindingTimeout, match=r"^exceeded 2\.5 s binding timeout while resolving name: /svc/web$"):
        await bench.build()(request())

    assert trio.current_time() - started == 2.5


async def test_a_name_that_is_nowhere_is_unroutable(life: Life) -> None:
    bench = Bench(life)
    bench.bind(NEG)

    with pytest.raises(Unroutable, match="service name: /svc/web"):
        await bench.build()(request())


async def test_a_binding_that_failed_is_unroutable_and_says_why(life: Life) -> None:
    bench = Bench(life)
    bench.bind(Failed("the disk is gone"))

    with pytest.raises(Unroutable, match="ended: the disk is gone"):
        await bench.build()(request())


async def test_who_waits_is_told_at_once_that_the_name_is_nowhere(
    life: Life, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life)
    built = bench.build()

    async def find_out() -> None:
        await trio.sleep(1.0)
        bench.bind(NEG)

    nursery.start_soon(find_out)
    with pytest.raises(Unroutable):
        await built(request())

    assert trio.current_time() < 2.0


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


@pytest.mark.parametrize("answer", [raising(ConnectFailed("refused")), raising(LookupError("a plugin's"))])
async def test_a_client_stack_is_free_after_an_error(life: Life, answer: Answer) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/fs/web"))
    bench.rest.answer = answer

    with pytest.raises((ConnectFailed, LookupError)):
        await bench.build()(request())

    assert bench.in_use == {"/#/fs/web": 1}


@pytest.mark.parametrize("asked", [request(), overridden()], ids=["plain", "overridden"])
async def test_a_client_stack_is_free_after_a_cancellation(life: Life, asked: HttpRequest) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/fs/web"))
    bench.bind(leaf("/#/fs/web"), OVERRIDE)
    bench.rest.answer = hanging
    built = bench.build()

    with trio.move_on_after(0.0):
        await built(asked)

    assert bench.in_use == {"/#/fs/web": 1 + (asked.context.local_dtab is not None)}


async def test_whoever_gives_up_waiting_leaves_nothing(life: Life) -> None:
    bench = Bench(life)
    built = bench.build()
    with trio.move_on_after(0.0):
        await built(request())

    bench.bind(leaf("/#/fs/web"))

    assert bench.in_use == {"/#/fs/web": 1}
    assert bench.asked == []


async def test_names_of_a_union_are_drawn_by_weight(life: Life) -> None:
    bench = Bench(life)
    bench.bind(union(a=3.0, b=1.0))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    assert Counter(bench.asked)["/#/a"] == pytest.approx(750, abs=50)


async def test_a_union_inside_a_union_shares_its_weight(life: Life) -> None:
    bench = Bench(life)
    bench.bind(Union((Weighted(1.0, leaf("/#/a")), Weighted(1.0, union(b=9.0, c=1.0)))))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    shares = Counter(bench.asked)
    assert [shares[f"/#/{id_}"] for id_ in "abc"] == pytest.approx([500, 450, 50], abs=50)


async def test_where_every_weight_is_zero_all_names_are_alike(life: Life) -> None:
    bench = Bench(life)
    bench.bind(Union((Weighted(1.0, leaf("/#/a")), Weighted(1.0, union(b=0.0, c=0.0)))))
    built = bench.build()

    for _number in range(1000):
        await built(request())

    shares = Counter(bench.asked)
    assert [shares[f"/#/{id_}"] for id_ in "abc"] == pytest.approx([500, 250, 250], abs=50)


async def test_each_attempt_draws_anew(life: Life) -> None:
    bench = Bench(life)
    bench.bind(union(a=1.0, b=1.0))
    built, asked = bench.build(), request()

    for _attempt in range(20):
        await built(asked)

    assert set(bench.asked) == {"/#/a", "/#/b"}


async def test_an_override_has_a_binding_of_its_own(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/web"))
    bench.bind(leaf("/#/shop"), OVERRIDE)
    built = bench.build()

    for asked in (request(), overridden(), request(), overridden()):
        await built(asked)

    assert bench.asked == ["/#/web", "/#/shop", "/#/web", "/#/shop"]
    assert bench.built == ["/#/web", "/#/shop"]


async def test_an_unroutable_override_is_shown(life: Life) -> None:
    bench = Bench(life)
    bench.bind(NEG, OVERRIDE)

    with pytest.raises(Unroutable, match="override dtab: /svc/web=>/svc/shop"):
        await bench.build()(overridden())


async def test_an_override_that_nobody_uses_any_more_is_let_go(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    bench = Bench(life, CacheSizes(idle_seconds=60.0))
    bench.bind(leaf("/#/shop"), OVERRIDE)
    await bench.build()(overridden())
    assert bench.is_watched(OVERRIDE)

    await trio.sleep(100.0)

    assert not bench.is_watched(OVERRIDE)
    assert bench.is_watched()


async def test_an_override_too_many_is_bound_for_one_reply(life: Life) -> None:
    bench = Bench(life, CacheSizes(trees=1))
    other = Dtab.read("/svc/web => /svc/other")
    bench.bind(leaf("/#/shop"), OVERRIDE)
    bench.bind(leaf("/#/other"), other)
    bench.rest.answer = lambda _request: streamed()
    built, asked = bench.build(), request()
    asked.context.local_dtab = other
    await built(overridden())

    reply = await built(asked)

    assert bench.is_watched(other)
    await reply.aclose()
    assert not bench.is_watched(other)


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


async def test_a_path_stack_that_ends_gives_everything_back(life: Life) -> None:
    bench = Bench(life)
    own = life.child("path")
    bench.bind(leaf("/#/web"))
    bench.bind(leaf("/#/shop"), OVERRIDE)
    built = bench.build(life=own)
    await built(overridden())

    own.close()

    assert (bench.is_watched(), bench.is_watched(OVERRIDE)) == (False, False)
    assert bench.in_use == {"/#/web": 0, "/#/shop": 0}


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
    assert numbers(bench.metrics, "bindcache/client") == {"misses": 1, "expires": 1, "oneshots": 0}


async def test_the_bound_names_are_listed_with_the_addresses_that_are_used(life: Life) -> None:
    bench = Bench(life)
    addr = Var[Addr](AddrPending())
    bench.bind(Leaf(BoundName(Path.read("/#/web"), Path(), addr)))
    bench.build()
    ((bound, branch),) = bench.clients.branches.items()
    life.on_close(bound.addr.watch(lambda: None))  # as its balancer does

    addr.set(AddrBound((Endpoint("10.0.0.1", 80),)))
    addr.set(AddrFailed("gone"))

    known = AddrBound((Endpoint("10.0.0.1", 80),), stale="gone")
    assert bench.clients.states() == [(bound, known)]
    assert branch.in_use == 1


async def test_a_binding_is_built_from_the_params(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/web"))
    service = binding(bench.params.put(PATH, WEB).put(CLIENTS, bench.clients), bench.rest)

    await service(request())

    assert bench.asked == ["/#/web"]


async def test_a_binding_needs_the_clients_of_its_router(life: Life) -> None:
    with pytest.raises(LookupError, match="the router's clients"):
        binding(Params().put(LIFE, life), Rest())
