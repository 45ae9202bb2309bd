"""What a name is bound to, and the client stacks that its requests go to."""

import pytest
import trio
import trio.testing

from mesh import (
    BOUND,
    LIFE,
    NEG,
    PATH,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    AddrPending,
    BindingTimeout,
    BoundName,
    ClientState,
    ConnectFailed,
    Endpoint,
    Expiry,
    Failed,
    Fixed,
    HttpRequest,
    Leaf,
    Life,
    Param,
    Params,
    Path,
    TotalTimeout,
    Unroutable,
    Var,
)
from mesh.testing import request
from mesh_plugins.binding import BINDING_SECONDS, CLIENT_PARAMS, CLIENTS, ON_SHOWN, Clients, binding
from tests.plugins.bindings import OVERRIDE, WEB, Bench, leaf, name, overridden
from tests.plugins.rest import Answer, Rest, hanging, raising


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


async def test_a_request_waits_for_its_binding_no_longer_than_it_lasts(
    life: Life, autojump_clock: trio.testing.MockClock
) -> None:
    asked = request()
    asked.context.expiry = Expiry(trio.current_time() + 1.5, TotalTimeout, "too late")

    with pytest.raises(TotalTimeout, match="too late"):
        await Bench(life).build()(asked)

    assert trio.current_time() == pytest.approx(1.5)


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
    assert bench.clients.states() == [ClientState(bound, known)]
    assert branch.in_use == 1


async def test_a_client_shows_its_balancer_for_as_long_as_it_lives(life: Life) -> None:
    bench = Bench(life)
    bound = BoundName(Path.read("/#/web"), Path(), Fixed[Addr](AddrNeg()))
    branch = bench.clients.get(bound, bench.rest)
    (built,) = bench.rest.built

    built[ON_SHOWN](lambda: {"algorithm": "p2c"})

    assert [state.balancer for state in bench.clients.states()] == [{"algorithm": "p2c"}]
    branch.life.close()
    assert [state.balancer for state in bench.clients.states()] == [{}]


async def test_a_binding_is_built_from_the_params(life: Life) -> None:
    bench = Bench(life)
    bench.bind(leaf("/#/web"))
    service = binding(bench.params.put(PATH, WEB).put(CLIENTS, bench.clients), bench.rest)

    await service(request())

    assert bench.asked == ["/#/web"]


async def test_a_binding_needs_the_clients_of_its_router(life: Life) -> None:
    with pytest.raises(LookupError, match="the router's clients"):
        binding(Params().put(LIFE, life), Rest())
