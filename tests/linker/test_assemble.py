"""From a stack file to routers, without a socket."""

import attrs
import pytest

from mesh.config import read_text
from mesh.connecting import CONNECTOR
from mesh.endpoint import Endpoint
from mesh.errors import ConfigError, ConnectFailed, Unroutable
from mesh.life import Life
from mesh.linker.assemble import Assembly, BuiltRouter, assemble
from mesh.metrics import Metrics, flat
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.namer import BoundName
from mesh.naming.path import Path
from mesh.naming.tree import Leaf
from mesh.params import Params
from mesh.plugins import Kinds, find
from mesh.settings import FilterEntry, FilterLists, StackFile
from mesh.stack import Stack
from mesh.testing import request
from mesh.transport import Connection
from tests.linker.entries import entry

ROUTER = """\
routers:
- protocol: http
  dtab: /svc/web => /$/inet/10.0.0.1/80
  servers:
  - port: 4140
"""


def settings_of(text: str = ROUTER) -> StackFile:
    return read_text(text, file="stack.yaml", kinds=find()).stack


def assembled(
    life: Life, text: str = ROUTER, *, metrics: Metrics | None = None, params: Params | None = None
) -> Assembly:
    return assemble(settings_of(text), find(), life, metrics or Metrics(), params)


def router_of(life: Life, text: str = ROUTER, *, metrics: Metrics | None = None) -> BuiltRouter:
    (router,) = assembled(life, text, metrics=metrics).routers
    return router


def with_filters(settings: StackFile, **sections: FilterEntry) -> StackFile:
    (router,) = settings.routers
    lists = FilterLists(**{section: (item,) for section, item in sections.items()})
    return attrs.evolve(settings, routers=(attrs.evolve(router, filters=lists),))


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


async def test_without_the_namer_of_the_system_nothing_is_assembled(life: Life) -> None:
    with pytest.raises(ConfigError, match="no installed plugin brings the namer of"):
        assemble(settings_of(), Kinds([]), life, Metrics())


async def test_a_module_brings_its_own_rules_of_order(life: Life) -> None:
    settings = with_filters(settings_of(), server=entry("as_module", after="errors"))

    with pytest.raises(ConfigError) as caught:
        assemble(settings, find(), life, Metrics())

    assert [problem.show() for problem in caught.value.problems] == [
        "routers[0].filters.server[0]: mine must stand above errors: it must see replies; expected `before: errors`"
    ]


async def test_a_filter_of_the_stack_file_is_in_the_way_of_requests(life: Life) -> None:
    settings = with_filters(settings_of(), server=entry(before="errors"))
    (server,) = assemble(settings, find(), life, Metrics()).routers[0].servers

    reply = await server.service(request(headers={"host": "elsewhere"}))

    assert (b"x-greeting", b"hello") in reply.headers


async def test_a_protocol_without_a_router_is_refused(life: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_plugins.http.protocol.STACK", Stack())

    with pytest.raises(ConfigError, match="the stack of the protocol http has no router"):
        assembled(life)


async def test_names_are_changed_by_the_transformers_of_the_file(life: Life) -> None:
    transformers = "  interpreter: {kind: default, transformers: [{kind: io.l5d.port, port: 1234}]}\n"
    asked: list[Endpoint] = []

    async def connector(endpoint: Endpoint) -> Connection:
        asked.append(endpoint)
        raise ConnectFailed("nobody is there")

    router = assembled(life, ROUTER + transformers, params=Params().put(CONNECTOR, connector)).routers[0]
    await router.servers[0].service(request(headers={"host": "web"}))

    assert {endpoint.port for endpoint in asked} == {1234}
