"""From a stack file to routers, without a socket."""

from collections.abc import AsyncIterator
from typing import Any

import attrs
import pytest
import trio

from mesh.config import read_text
from mesh.connecting import CONNECTOR
from mesh.endpoint import Endpoint
from mesh.errors import ConfigError, ConnectFailed, Problem, Unroutable
from mesh.keys import Category, Chosen, Kind
from mesh.life import Life
from mesh.linker.assemble import Assembly, BuiltRouter, assemble, edited
from mesh.metrics import Metrics, flat
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.namer import BoundName
from mesh.naming.path import Path
from mesh.naming.tree import Leaf
from mesh.params import Params
from mesh.plugins import Kinds, find
from mesh.service import AnyFilter, AnyService
from mesh.settings import FilterEntry, FilterLists, StackFile
from mesh.stack import Module, Stack
from mesh.testing import request
from mesh.transport import Connection

ROUTER = """\
routers:
- protocol: http
  dtab: /svc/web => /$/inet/10.0.0.1/80
  servers:
  - port: 4140
"""


@pytest.fixture
async def life(nursery: trio.Nursery) -> AsyncIterator[Life]:
    owner = Life(nursery, "test")
    yield owner
    owner.close()


def settings_of(text: str = ROUTER) -> StackFile:
    return read_text(text, file="stack.yaml", kinds=find()).stack


def assembled(
    life: Life, text: str = ROUTER, *, metrics: Metrics | None = None, params: Params | None = None
) -> Assembly:
    return assemble(settings_of(text), find(), life, metrics or Metrics(), params)


def router_of(life: Life, text: str = ROUTER, *, metrics: Metrics | None = None) -> BuiltRouter:
    (router,) = assembled(life, text, metrics=metrics).routers
    return router


def greeting(_config: object) -> AnyFilter:
    """Make a filter of a plugin's."""

    async def greet(request: Any, service: AnyService, /) -> Any:
        reply = await service(request)
        reply.headers.append((b"x-greeting", b"hello"))
        return reply

    return greet


def broken(_config: object) -> object:
    """Make nothing."""
    raise TypeError("no such thing")


def wrong(_config: object) -> object:
    """Refuse a key."""
    raise ConfigError(Problem("must be even", key="number"))


def as_module(_config: object) -> Module:
    """Make a module that must stand above the errors."""
    return Module("mine", lambda params, rest: rest(params), above=("errors",), why="it must see replies")


def entry(factory: str = "greeting", **place: str) -> FilterEntry:
    kind = Kind(factory, Category.FILTER, "", factory=f"{__name__}:{factory}", plugin="acme")
    return FilterEntry(chosen=Chosen(kind, None), **place)


def with_filters(settings: StackFile, **sections: FilterEntry) -> StackFile:
    (router,) = settings.routers
    lists = FilterLists(**{section: (item,) for section, item in sections.items()})
    return attrs.evolve(settings, routers=(attrs.evolve(router, filters=lists),))


def roles_with(life: Life, section: str, *entries: FilterEntry) -> tuple[str, ...]:
    """Return the roles of a section once these changes of it were made."""
    router = router_of(life)
    lists = FilterLists(**{section: entries})
    stack = edited(router.parts.stack, attrs.evolve(router.settings, filters=lists))
    return stack.section(section).roles


def problems_of(life: Life, section: str, *entries: FilterEntry) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        roles_with(life, section, *entries)
    return [problem.show() for problem in caught.value.problems]


async def test_a_router_has_its_label_its_servers_and_its_metrics(life: Life) -> None:
    metrics = Metrics()

    router = router_of(life, ROUTER + "  label: inner\n  originator: true\n", metrics=metrics)

    assert router.label == "inner"
    assert [server.label for server in router.servers] == ["127.0.0.1/4140"]
    assert router.metrics is metrics.scope("rt", "inner")
    assert flat(metrics)["rt/inner/originator"] == 1


async def test_a_server_may_have_a_label_of_its_own(life: Life) -> None:
    (server,) = router_of(life, ROUTER + "    label: front\n").servers

    assert server.label == "front"


async def test_requests_go_through_all_stacks_without_a_socket(life: Life) -> None:
    asked: list[Endpoint] = []

    async def connector(endpoint: Endpoint) -> Connection:
        asked.append(endpoint)
        raise ConnectFailed(f"cannot connect to {endpoint}")

    assembly = assembled(life, params=Params().put(CONNECTOR, connector))
    (server,) = assembly.routers[0].servers

    reply = await server.service(request(headers={"host": "web"}))

    assert (reply.status, asked) == (502, [Endpoint("10.0.0.1", 80)])


async def test_a_router_without_its_server_stack_raises(life: Life) -> None:
    with pytest.raises(Unroutable):
        await router_of(life).service(request(headers={"host": "elsewhere"}))


async def test_servers_whose_ports_the_system_chooses_are_told_apart(life: Life) -> None:
    text = ROUTER.replace("  - port: 4140\n", "  - port: 0\n  - port: 0\n  - {port: 0, label: own}\n  - port: 4140\n")

    router = router_of(life, text)

    assert [server.label for server in router.servers] == ["127.0.0.1/0", "127.0.0.1/0_2", "own", "127.0.0.1/4140"]


async def test_names_can_be_interpreted_by_another_dtab(life: Life) -> None:
    router = router_of(life)
    path = Path.read("/svc/web")

    trees = [
        interpreter.bind(EMPTY_DTAB, path).value
        for interpreter in (router.interpreter, router.interpret(Dtab.read("/svc/web => /$/inet/10.0.0.2/80"), life))
    ]

    assert [str(tree.value.id) for tree in trees if isinstance(tree, Leaf) and isinstance(tree.value, BoundName)] == [
        "/$/inet/10.0.0.1/80",
        "/$/inet/10.0.0.2/80",
    ]


async def test_everything_that_is_wrong_is_reported_together(life: Life) -> None:
    text = ROUTER + ROUTER.removeprefix("routers:\n").replace("4140", "4141") + "  label: second\n"
    settings = settings_of(text + "namers:\n- {kind: io.l5d.fs, rootDir: /no/such/folder}\n")
    first, second = settings.routers
    lists = FilterLists(server=(FilterEntry(remove="nothing"), entry("wrong")))
    settings = attrs.evolve(settings, routers=(attrs.evolve(first, filters=lists), attrs.evolve(second, filters=lists)))

    with pytest.raises(ConfigError) as caught:
        assemble(settings, find(), life, Metrics())

    assert [problem.key for problem in caught.value.problems] == [
        "namers[0].rootDir",
        "routers[0].filters.server[0]",
        "routers[0].filters.server[1].number",
        "routers[1].filters.server[0]",
        "routers[1].filters.server[1].number",
    ]


async def test_a_kind_that_raises_what_nobody_expects_is_named(life: Life) -> None:
    assert problems_of(life, "server", entry("broken")) == [
        "filters.server[0]: broken of acme cannot be made: TypeError: no such thing"
    ]


async def test_without_the_namer_of_the_system_nothing_is_assembled(life: Life) -> None:
    with pytest.raises(ConfigError, match="no installed plugin brings the namer of"):
        assemble(settings_of(), Kinds([]), life, Metrics())


@pytest.mark.parametrize(
    ("section", "last", "own"),
    [
        ("server", "router", "greeting"),
        ("service", "binding", "greeting"),
        ("client", "balancer", "greeting"),
    ],
)
async def test_a_filter_without_a_place_comes_last_before_the_branch_point(
    life: Life, section: str, last: str, own: str
) -> None:
    assert roles_with(life, section, entry())[-2:] == (own, last)


async def test_a_filter_of_the_endpoint_stack_comes_last_before_the_pool(life: Life) -> None:
    usual = roles_with(life, "endpoint")

    assert roles_with(life, "endpoint", entry()) == (*usual, "greeting")


async def test_a_filter_may_be_all_there_is_of_the_endpoint_stack(life: Life) -> None:
    removed = [FilterEntry(remove=role) for role in roles_with(life, "endpoint")]

    assert roles_with(life, "endpoint", *removed, entry()) == ("greeting",)


async def test_a_filter_stands_where_it_was_put(life: Life) -> None:
    usual = roles_with(life, "client")
    place = usual.index("requeues")

    before = roles_with(life, "client", entry(before="requeues"))
    after = roles_with(life, "client", entry(after="requeues"))

    assert before == (*usual[:place], "greeting", *usual[place:])
    assert after == (*usual[: place + 1], "greeting", *usual[place + 1 :])


async def test_a_role_may_be_replaced_or_taken_out(life: Life) -> None:
    usual = roles_with(life, "service")

    assert roles_with(life, "service", entry(replace="via")) == tuple(
        "greeting" if role == "via" else role for role in usual
    )
    assert roles_with(life, "service", FilterEntry(remove="via")) == tuple(role for role in usual if role != "via")


async def test_changes_are_made_in_order(life: Life) -> None:
    roles = roles_with(life, "server", entry(before="errors"), entry(after="greeting"))

    place = roles.index("greeting")
    assert roles[place : place + 3] == ("greeting", "greeting_2", "errors")


async def test_what_replaces_a_role_of_its_own_name_keeps_it(life: Life) -> None:
    roles = roles_with(life, "server", entry(before="errors"), entry(replace="greeting"))

    assert roles[roles.index("errors") - 1] == "greeting"
    assert "greeting_2" not in roles


async def test_an_unknown_role_is_answered_with_those_there_are(life: Life) -> None:
    (problem,) = problems_of(life, "client", entry(before="requeue"))

    said, _expected, roles = problem.partition("expected one of ")
    assert said == "filters.client[0]: the client stack has no role requeue; "
    assert roles.startswith("destination, trace_fields, ")
    assert roles.endswith(", requeues, client_limits, balancer; did you mean requeues?")


@pytest.mark.parametrize("place", ["after", "replace", "remove"])
async def test_a_branch_point_stays_where_it_is(life: Life, place: str) -> None:
    change = FilterEntry(remove="binding") if place == "remove" else entry(**{place: "binding"})

    (problem,) = problems_of(life, "service", change)

    assert "binding is a branch point" in problem


async def test_a_filter_may_stand_just_before_a_branch_point(life: Life) -> None:
    assert roles_with(life, "service", entry(before="binding"))[-2:] == ("greeting", "binding")


async def test_a_module_brings_its_own_rules_of_order(life: Life) -> None:
    settings = with_filters(settings_of(), server=entry("as_module", after="errors"))

    with pytest.raises(ConfigError, match="mine must stand above errors: it must see replies"):
        assemble(settings, find(), life, Metrics())


async def test_a_module_that_must_stand_above_others_stands_just_there_unless_it_is_told_where(life: Life) -> None:
    roles = roles_with(life, "server", entry("as_module"))

    assert roles[roles.index("mine") + 1] == "errors"


async def test_a_filter_of_the_stack_file_is_in_the_way_of_requests(life: Life) -> None:
    settings = with_filters(settings_of(), server=entry(before="errors"))
    (server,) = assemble(settings, find(), life, Metrics()).routers[0].servers

    reply = await server.service(request(headers={"host": "elsewhere"}))

    assert (b"x-greeting", b"hello") in reply.headers


async def test_a_protocol_without_a_router_is_refused(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_plugins.http.protocol.STACK", Stack())

    with pytest.raises(ConfigError, match="the stack of the protocol http has no router"):
        assembled(life)
