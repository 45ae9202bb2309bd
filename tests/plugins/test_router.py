"""Naming requests, and the stacks that are kept by name."""

import contextlib
import math

import pytest
import trio

from mesh import (
    LIFE,
    METRICS,
    ONE_SHOT,
    PATH,
    AnyService,
    BadRequestContext,
    Branches,
    ConnectFailed,
    HttpRequest,
    Life,
    Metrics,
    Param,
    Params,
    Path,
    Request,
    Unidentified,
    field,
)
from mesh.testing import request
from mesh_plugins.router import CACHE_SIZES, IDENTIFIERS, PATH_PARAMS, CacheSizes, Identifier, Router, identify, router
from tests.plugins.rest import Answer, Rest, hanging, numbers, raising, streamed

WEB = Path.read("/svc/web")


def by_header(asked: Request) -> Path:
    assert isinstance(asked, HttpRequest)
    return Path.utf8("svc", (field(asked.headers, b"host") or b"").decode())


def refusing(reason: str) -> Identifier:
    def identifier(_request: Request) -> Path:
        raise Unidentified(reason)

    return identifier


def for_host(host: str = "web") -> HttpRequest:
    return request(headers={"host": host})


class Bench:
    """A router over stacks of the test's own."""

    def __init__(
        self, life: Life, answer: Answer | None = None, *, capacity: int = 1000, idle_seconds: float = math.inf
    ) -> None:
        self.rest = Rest() if answer is None else Rest(answer)
        self.metrics = Metrics()
        sizes = CacheSizes(paths=capacity, idle_seconds=idle_seconds)
        self.params = Params().put(LIFE, life).put(METRICS, self.metrics).put(CACHE_SIZES, sizes)
        self.params = self.params.put(IDENTIFIERS, (by_header,))

    def build(self) -> AnyService:
        return router(self.params, self.rest)

    def plain(self) -> Router:
        """Return a router that shows its branches."""

        def build(path: Path, life: Life, _one_shot: bool) -> AnyService:
            return self.rest(self.params.put(PATH, path).put(LIFE, life))

        return Router(Branches(self.params[LIFE], "path", build, idle_seconds=600.0), (by_header,))


def test_the_first_identifier_that_can_names_a_request() -> None:
    path = identify(for_host(), (refusing("no"), by_header, refusing("never asked")))

    assert path == WEB


def test_a_request_that_nobody_can_name_is_refused_with_every_reason() -> None:
    with pytest.raises(Unidentified, match=r"^no token; no header$"):
        identify(for_host(), (refusing("no token"), refusing("no header")))


def test_no_other_identifier_is_asked_after_an_error() -> None:
    def broken(_request: Request) -> Path:
        raise BadRequestContext("unreadable")

    with pytest.raises(BadRequestContext):
        identify(for_host(), (broken, by_header))


@pytest.mark.parametrize("identifiers", [(by_header,), (refusing("no"), by_header)])
async def test_a_request_carries_its_name(life: Life, identifiers: tuple[Identifier, ...]) -> None:
    bench = Bench(life)
    asked = for_host()

    await router(bench.params.put(IDENTIFIERS, identifiers), bench.rest)(asked)

    assert asked.context.path == WEB


async def test_a_path_stack_is_built_once_for_each_name(life: Life) -> None:
    bench = Bench(life)
    service = bench.build()

    for host in ("web", "shop", "web"):
        await service(for_host(host))

    assert bench.rest.seen(PATH) == [WEB, Path.read("/svc/shop")]
    assert bench.rest.asked(PATH) == [WEB, Path.read("/svc/shop"), WEB]


async def test_a_path_stack_gets_what_the_settings_say_of_its_name(life: Life) -> None:
    greeting = Param("", "greeting")
    bench = Bench(life)
    bench.params = bench.params.put(PATH_PARAMS, lambda params, path: params.put(greeting, f"hello {path}"))

    await bench.build()(for_host())

    assert bench.rest.seen(greeting) == ["hello /svc/web"]


async def test_a_stack_that_cannot_be_built_costs_its_request_alone(life: Life) -> None:
    bench = Bench(life)
    service = bench.build()
    bench.rest.error = LookupError("broken plugin")
    with pytest.raises(LookupError):
        await service(for_host())
    bench.rest.error = None

    await service(for_host())

    assert len(bench.rest.requests) == 1


async def test_a_path_stack_is_in_use_while_it_works(life: Life, nursery: trio.Nursery) -> None:
    bench = Bench(life, hanging)
    built = bench.plain()

    nursery.start_soon(built, for_host())
    await trio.testing.wait_all_tasks_blocked()

    ((_path, branch),) = built.branches.items()
    assert branch.in_use == 1
    nursery.cancel_scope.cancel()


@pytest.mark.parametrize("answer", [None, raising(ConnectFailed("refused")), raising(LookupError("a plugin's"))])
async def test_a_path_stack_is_free_after_a_whole_reply_or_an_error(life: Life, answer: Answer | None) -> None:
    built = Bench(life, answer).plain()

    with contextlib.suppress(ConnectFailed, LookupError):
        await built(for_host())

    ((_path, branch),) = built.branches.items()
    assert branch.in_use == 0


async def test_a_path_stack_is_free_after_a_cancellation(life: Life) -> None:
    built = Bench(life, hanging).plain()

    with trio.CancelScope() as scope:
        scope.cancel()
        await built(for_host())

    ((_path, branch),) = built.branches.items()
    assert branch.in_use == 0


async def test_a_path_stack_is_in_use_until_a_streamed_reply_is_closed(life: Life) -> None:
    built = Bench(life, lambda _request: streamed()).plain()

    reply = await built(for_host())

    ((_path, branch),) = built.branches.items()
    assert branch.in_use == 1
    await reply.aclose()
    assert branch.in_use == 0


async def test_a_name_that_nobody_uses_is_let_go(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    bench = Bench(life, idle_seconds=600.0)
    service = bench.build()
    await service(for_host())

    await trio.sleep(1000.0)

    assert [params[PATH] for params in bench.rest.closed] == [WEB]
    assert numbers(bench.metrics, "bindcache/path") == {
        "misses": 1,
        "evicts": 0,
        "expires": 1,
        "oneshots": 0,
        "active": 0,
    }


async def test_a_name_with_an_open_reply_is_not_let_go(life: Life, autojump_clock: trio.testing.MockClock) -> None:
    bench = Bench(life, lambda _request: streamed(), idle_seconds=600.0)
    reply = await bench.build()(for_host())

    await trio.sleep(10_000.0)

    assert bench.rest.closed == []
    await reply.aclose()
    await trio.sleep(10_000.0)
    assert len(bench.rest.closed) == 1


async def test_a_name_too_many_gets_a_stack_for_one_reply(life: Life) -> None:
    bench = Bench(life, lambda _request: streamed(), capacity=1)
    service = bench.build()
    await service(for_host("web"))

    reply = await service(for_host("shop"))

    assert bench.rest.seen(ONE_SHOT) == [False, True]
    assert bench.rest.closed == []
    await reply.aclose()
    assert [params[PATH] for params in bench.rest.closed] == [Path.read("/svc/shop")]
    assert numbers(bench.metrics, "bindcache/path") == {
        "misses": 2,
        "evicts": 0,
        "expires": 0,
        "oneshots": 1,
        "active": 1,
    }


async def test_a_stack_for_one_reply_is_closed_with_its_error(life: Life) -> None:
    bench = Bench(life, capacity=1)
    service = bench.build()
    await service(for_host("web"))
    bench.rest.answer = raising(ConnectFailed("refused"))

    with pytest.raises(ConnectFailed):
        await service(for_host("shop"))

    assert [params[PATH] for params in bench.rest.closed] == [Path.read("/svc/shop")]
