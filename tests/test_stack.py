import functools
from collections.abc import Awaitable
from typing import Any

import pytest

from mesh import stack
from mesh.errors import ConfigError
from mesh.message import Body, Reply, Request
from mesh.params import Param, Params
from mesh.service import AnyFilter, AnyService, Rep, Req, Service
from mesh.stack import Make, Module, Stack, Watch, bind, bind_watched, blame, close_forgotten, filtered, known

TRAIL: Param[tuple[str, ...]] = Param((), "trail")
ENDPOINTS: Param[tuple[str, ...]] = Param(("a", "b"), "endpoints")


class Trail(Reply):
    """A reply that tells which layers its request met."""

    def __init__(self, met: tuple[str, ...]) -> None:
        super().__init__()
        self.met = met


def leaf(params: Params) -> AnyService:
    async def service(_request: Request, /) -> Reply:
        return Trail(params[TRAIL])

    return service


def layer(role: str, section: str = "", above: tuple[str, ...] = (), below: tuple[str, ...] = ()) -> Module:
    """A module that adds its role to the trail."""

    def wrap(params: Params, rest: Make) -> AnyService:
        return rest(params.put(TRAIL, (*params[TRAIL], role)))

    return Module(role, wrap, above, below, "a reason", section=section)


async def met(service: AnyService) -> tuple[str, ...]:
    reply: Trail = await service(Request())
    return reply.met


async def test_the_first_module_is_met_first() -> None:
    service = Stack([layer("one"), layer("two"), layer("three")]).build(Params(), leaf)

    assert await met(service) == ("one", "two", "three")


async def test_a_stack_without_modules_is_its_leaf() -> None:
    assert await met(Stack().build(Params(), leaf)) == ()


async def test_a_stack_can_be_the_rest_of_another() -> None:
    below = Stack([layer("below")]).maker(leaf)

    assert await met(Stack([layer("above")]).build(Params(), below)) == ("above", "below")


async def test_a_branch_point_builds_the_rest_as_often_as_it_likes() -> None:
    built: list[tuple[str, ...]] = []

    def wrap(params: Params, rest: Make) -> AnyService:
        services = [rest(params.put(TRAIL, (*params[TRAIL], endpoint))) for endpoint in params[ENDPOINTS]]

        def branch(request: Request, /) -> Awaitable[Reply]:
            return services.pop()(request)

        return branch

    def counting_leaf(params: Params) -> AnyService:
        built.append(params[TRAIL])
        return leaf(params)

    service = Stack([layer("top"), Module("branch", wrap), layer("pool")]).build(Params(), counting_leaf)

    assert built == [("top", "a", "pool"), ("top", "b", "pool")]
    assert [await met(service), await met(service)] == [("top", "b", "pool"), ("top", "a", "pool")]


def test_modules_are_put_in_taken_out_and_exchanged_by_role() -> None:
    default = Stack([layer("one"), layer("two")])
    new = layer("new")

    assert default.before("one", new).roles == ("new", "one", "two")
    assert default.before("two", new).roles == ("one", "new", "two")
    assert default.after("two", new).roles == ("one", "two", "new")
    assert default.replace("one", new).roles == ("new", "two")
    assert default.remove("one").roles == ("two",)


def test_a_change_leaves_the_stack_as_it_was() -> None:
    default = Stack([layer("one")])

    changed = default.after("one", layer("two")) + Stack([layer("three")])

    assert (default.roles, changed.roles, len(default), len(changed)) == (("one",), ("one", "two", "three"), 1, 3)


def test_a_role_that_is_not_there_cannot_be_a_place() -> None:
    default = Stack([layer("one")])

    for change in (default.before, default.after, default.replace):
        with pytest.raises(KeyError, match="nowhere"):
            change("nowhere", layer("new"))
    with pytest.raises(KeyError, match="nowhere"):
        default.remove("nowhere")


def test_a_stack_knows_its_roles_and_sections() -> None:
    whole = Stack([layer("stats", "server"), layer("router", "server"), layer("binding", "service")])

    assert ("router" in whole, "pool" in whole) == (True, False)
    assert (whole.section("server").roles, whole.section("client").roles) == (("stats", "router"), ())


def test_a_stack_whose_rules_are_kept_is_right() -> None:
    Stack([layer("one", above=("two", "nowhere")), layer("two", below=("one",))]).verify()


def test_every_broken_rule_and_every_double_role_is_told() -> None:
    wrong = Stack(
        [
            layer("one", below=("two", "three")),
            layer("two"),
            layer("three", above=("one", "two")),
            layer("two"),
        ]
    )

    with pytest.raises(ConfigError) as caught:
        wrong.verify()

    assert [problem.message for problem in caught.value.problems] == [
        "the role two occurs twice in the stack",
        "one must stand below two: a reason",
        "one must stand below three: a reason",
        "three must stand above one: a reason",
    ]


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


async def passing(request: Request, service: Service[Request, Reply], /) -> Reply:
    return await service(request)


class Raising:
    """A filter with a bug."""

    async def __call__(self, request: Req, service: Service[Req, Rep], /) -> Rep:
        raise LookupError("a bug")


async def raised_by(service: AnyService) -> BaseException:
    with pytest.raises(LookupError) as caught:
        await service(Request())
    return caught.value


async def test_an_error_is_blamed_on_the_innermost_filter_it_came_through() -> None:
    service = bind(passing, bind(Raising(), leaf(Params())))

    assert blame(await raised_by(service)) == f"{__name__}.Raising"


async def test_an_error_is_blamed_on_the_name_that_a_filter_was_bound_under() -> None:
    service = bind(passing, bind(Raising(), leaf(Params()), "greeting"), "outer")

    assert blame(await raised_by(service)) == "greeting"


async def test_a_filter_that_is_a_function_is_blamed_by_its_name() -> None:
    async def broken(_request: Request, /) -> Reply:
        raise LookupError("below")

    assert blame(await raised_by(bind(passing, broken))) == f"{__name__}.passing"


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


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    monkeypatch.setattr(stack, "WATCH", Watch())
    return stack.WATCH


class Endpoint:
    """A service that makes a reply per call, as one that came from outside."""

    def __init__(self, body: Body | None = None) -> None:
        self.body = body
        self.replies: list[Reply] = []

    async def __call__(self, request: Request, /) -> Reply:
        self.replies.append(Reply() if self.body is None else Reply(self.body))
        request.context.made(self.replies[-1])
        return self.replies[-1]

    @property
    def closed(self) -> list[bool]:
        return [reply.closed for reply in self.replies]


async def twice(request: Request, service: Service[Request, Reply], /) -> Reply:
    """A filter that forgets the first of two replies."""
    await service(request)
    return await service(request)


async def exchange(service: AnyService) -> None:
    """Do as a server does with a request."""
    request = Request()
    reply = await service(request)
    await reply.aclose()
    made = request.context.replies
    if made is not reply and made is not None:
        await close_forgotten(made, reply)


async def test_a_reply_that_a_filter_forgot_is_closed_and_filters_are_watched_in_stacks_built_from_then_on(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint()

    for _ in range(2):
        await exchange(bind_watched(passing, bind_watched(twice, endpoint, "twice"), "passing"))

    assert endpoint.closed == [True] * 4
    assert [record.getMessage() for record in caplog.records] == [
        "one of the filters passing, twice forgot to close a reply",
        "twice forgot to close a reply",
    ]


async def test_a_filter_that_closes_what_it_does_not_return_is_not_logged(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.is_close = True
    endpoint = Endpoint()

    async def closing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await (await service(request)).aclose()
        return await service(request)

    await exchange(bind_watched(closing, endpoint, "closing"))

    assert (endpoint.closed, caplog.records) == ([True, True], [])


async def test_a_reply_that_lends_its_body_is_closed_when_that_was_written(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint(Body())
    left_open: list[bool] = []

    async def wrapping(request: Request, service: Service[Request, Reply], /) -> Reply:
        reply = await service(request)
        return Reply(reply.body)

    async def looking(request: Request, service: Service[Request, Reply], /) -> Reply:
        reply = await service(request)
        left_open.append(endpoint.replies[0].closed)
        return reply

    watch.is_close = True
    await exchange(bind(looking, bind_watched(wrapping, endpoint, "wrapping")))

    assert (left_open, endpoint.closed, caplog.records) == ([False], [True], [])


async def test_a_forgotten_reply_without_a_body_is_not_taken_for_one_that_lends_it(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint = Endpoint()

    async def replacing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await service(request)
        return Reply()

    await exchange(bind_watched(replacing, endpoint, "replacing"))

    assert (endpoint.closed, watch.is_close) == ([True], True)


async def test_what_a_watched_filter_received_before_it_raised_is_closed(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    watch.is_close = True
    endpoint = Endpoint()

    async def failing(request: Request, service: Service[Request, Reply], /) -> Reply:
        await service(request)
        raise LookupError("a bug")

    await raised_by(bind_watched(failing, endpoint, "failing"))

    assert endpoint.closed == [True]


async def test_what_an_exchange_received_before_it_broke_off_is_closed_and_nobodys_fault(
    watch: Watch, caplog: pytest.LogCaptureFixture
) -> None:
    replies = [Reply(), Reply()]

    await close_forgotten(replies, None)
    await close_forgotten(Reply(), None)

    assert ([reply.closed for reply in replies], watch.is_close, caplog.records) == ([True, True], False, [])
