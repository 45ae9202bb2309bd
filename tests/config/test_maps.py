"""Reading maps into config classes, several into one map where need be."""

from collections.abc import Callable

import pytest

from mesh.config import Loaded
from mesh.naming.path import Path

Read = Callable[[str], Loaded]
Problems = Callable[[str], list[str]]

ROUTER = "routers:\n- protocol: plain\n  servers: [{timeoutMs: 1}]\n"


def test_the_protocol_adds_keys_to_every_part(read: Read) -> None:
    router = read(
        "routers:\n- protocol: plain\n  loudness: 11\n  servers: [{depth: 7}]\n  client: {greeting: hi, failFast: no}\n"
    ).stack.routers[0]

    assert router.protocol.config.loudness == 11
    assert router.servers[0].extra.depth == 7
    assert router.client.default.extra.greeting == "hi"


def test_the_protocol_has_defaults_of_its_own_for_the_keys_of_all(read: Read) -> None:
    router = read("routers:\n- protocol: plain\n  servers: [{}]\n").stack.routers[0]

    assert router.servers[0].port == 4140
    assert router.service.default.response_classifier is not None
    assert router.service.default.response_classifier.kind.name == "io.l5d.strict"


def test_a_key_that_is_null_is_absent(read: Read) -> None:
    stack = read(ROUTER + "  label:\n  dtab: ~\n  client:\nnamers:\n").stack

    assert (stack.routers[0].label, len(stack.routers[0].dtab), stack.namers) == ("plain", 0, ())


def test_a_quoted_null_is_a_text(read: Read) -> None:
    assert read(ROUTER + "  label: 'null'\n").stack.routers[0].label == "null"


@pytest.mark.parametrize("label", ["no", "1.20", "41:40", "0x10", "true"])
def test_a_label_is_taken_as_it_is_written(read: Read, label: str) -> None:
    assert read(ROUTER + f"  label: {label}\n").stack.routers[0].label == label


def test_an_alias_of_a_key_is_the_key(read: Read) -> None:
    assert read(ROUTER + "  volume: 5\n").stack.routers[0].protocol.config.loudness == 5


def test_one_map_stands_for_a_list_of_one_kind(read: Read) -> None:
    identifiers = (
        read(ROUTER + "  identifier: {kind: io.l5d.fixed, path: /a}\n").stack.routers[0].protocol.config.identifier
    )

    assert [chosen.config.path for chosen in identifiers] == [Path.utf8("a")]


def test_several_kinds_keep_their_order(read: Read) -> None:
    text = (
        ROUTER + "  identifier:\n  - {kind: fixed, path: /a}\n  - {kind: constant, path: /b}\n  - kind: io.l5d.token\n"
    )

    names = [chosen.kind.name for chosen in read(text).stack.routers[0].protocol.config.identifier]

    assert names == ["io.l5d.fixed", "io.l5d.fixed", "io.l5d.token"]


def test_a_map_without_its_kind_has_the_default_one(read: Read) -> None:
    balancer = read(ROUTER + "  client: {loadBalancer: {maxEffort: 9}}\n").stack.routers[0].client.default.load_balancer

    assert (balancer.chosen.kind.name, balancer.chosen.config.max_effort) == ("p2c", 9)


def test_an_experiment_can_be_asked_for(read: Read) -> None:
    stack = read(ROUTER + "namers:\n- {kind: io.l5d.risky, rootDir: a, experimental: true}\n").stack

    assert stack.namers[0].chosen.config.root_dir == "a"


def test_any_kind_may_be_called_experimental(problems: Callable[[str], list[str]]) -> None:
    assert (
        problems(ROUTER + "  experimental: true\n  client: {failureAccrual: {kind: none, experimental: true}}\n") == []
    )


def test_a_namer_has_its_kind_for_a_prefix(read: Read) -> None:
    text = (
        ROUTER
        + "namers:\n- {kind: files, rootDir: a}\n- {kind: files, rootDir: a, prefix: b}\n"
        + "- {kind: files, rootDir: a, prefix: /b}\n"
    )

    namers = read(text).stack.namers

    assert [namer.path.show() for namer in namers] == ["/io.l5d.files", "/b", "/b"]


def test_a_key_that_is_not_built_is_told_once(problems: Callable[[str], list[str]]) -> None:
    found = problems(ROUTER + "  announcers: [{kind: later}]\n")

    assert [line for line in found if "not built" in line] == [
        "4:3 routers[0].announcers: `announcers` is known but not built yet",
    ]


def test_a_key_may_be_for_some_protocols_alone(read: Read, problems: Problems) -> None:
    choosy = "  filters: {server: [{kind: choosy, %s: x}]}\n"

    chosen = read(ROUTER + choosy % "title").stack.routers[0].filters.server[0].chosen

    assert chosen is not None
    assert chosen.config.title == "x"
    assert problems(ROUTER + choosy % "cookie") == [
        "4:37 routers[0].filters.server[0].cookie: is not for the protocol plain; "
        "expected it in a router of the protocol later or plainer"
    ]
