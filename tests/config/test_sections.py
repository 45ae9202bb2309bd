"""Sections whose settings depend on a path."""

from collections.abc import Callable

from mesh.config import Loaded, read_text
from mesh.naming.path import Path
from mesh.plugins import Kinds

Read = Callable[[str], Loaded]

ROUTER = "routers:\n- protocol: plain\n  servers: [{timeoutMs: 1}]\n"


def test_a_section_without_a_kind_is_for_every_path(read: Read) -> None:
    texts = [
        "{greeting: x}",
        "{kind: io.l5d.global, greeting: x}",
        "{kind: global, greeting: x}",
        "{kind: , greeting: x}",
    ]

    clients = [read(ROUTER + f"  client: {text}\n").stack.routers[0].client for text in texts]

    assert [client.resolve(Path.read("/a")).extra.greeting for client in clients] == ["x"] * 4


def test_a_static_section_keeps_what_each_entry_gives(read: Read) -> None:
    client = (
        read(
            ROUTER
            + "  client:\n    kind: io.l5d.static\n    configs:\n"
            + "    - {prefix: /, greeting: first, hostConnectionPool: {maxSize: 3}}\n"
            + "    - {prefix: '/#/{name}', greeting: 'for {name}'}\n"
        )
        .stack.routers[0]
        .client
    )

    resolved = client.resolve(Path.read("/#/web"))
    assert (resolved.extra.greeting, resolved.host_connection_pool.max_size) == ("for web", 3)
    assert client.resolve(Path.read("/x")).extra.greeting == "first"


def test_one_part_of_the_retries_is_overridden_alone(kinds: Kinds) -> None:
    text = (
        ROUTER + "  service:\n    kind: static\n    configs:\n"
        "    - {prefix: /, retries: {budget: {ttlSecs: 30}}}\n"
        "    - {prefix: /svc, retries: {backoff: {kind: constant, ms: 7}}}\n"
    )

    service = read_text(text, file="f", kinds=kinds, allow_planned=True).stack.routers[0].service

    retries = service.resolve(Path.read("/svc/web")).retries
    assert (retries.budget.ttl_secs, retries.backoff.ms) == (30, 7)


def test_configs_without_their_kind_are_told_what_they_need(problems: Callable[[str], list[str]]) -> None:
    assert problems(ROUTER + "  client: {configs: [{prefix: /}]}\n") == [
        "4:12 routers[0].client.configs: needs `kind: io.l5d.static` beside it"
    ]
