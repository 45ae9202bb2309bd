"""The effective configuration as people see it."""

import json
from collections.abc import Callable

from mesh.config import Loaded, masked, read_text
from mesh.plugins import Kinds

Read = Callable[[str], Loaded]

ROUTER = "routers:\n- protocol: plain\n  servers: [{port: 1}]\n"


def test_defaults_are_shown_with_linkerds_spelling(read: Read) -> None:
    shown = masked(read(ROUTER + "  dtab: /a=>/b\n"))

    router = shown["routers"][0]
    assert shown["admin"]["shutdownGraceMs"] == 10000
    assert (router["protocol"], router["label"], router["dtab"], router["dstPrefix"]) == (
        "plain",
        "plain",
        "/a=>/b",
        "/svc",
    )
    assert router["client"]["failureAccrual"] == {"kind": "io.l5d.consecutiveFailures", "failures": 5}
    assert router["client"]["loadBalancer"] == {"kind": "p2c", "maxEffort": 5, "enableProbation": False}


def test_what_the_protocol_adds_stands_in_the_same_map(read: Read) -> None:
    router = masked(read(ROUTER))["routers"][0]

    assert (router["loudness"], router["servers"][0]["depth"], router["client"]["greeting"]) == (3, 1000, "hello")


def test_secrets_are_masked(read: Read) -> None:
    text = ROUTER + "  identifier: {kind: token, header: x, token: hunter2, sharedKey: hunter3}\n"

    shown = masked(read(text))

    assert "hunter" not in json.dumps(shown)
    assert shown["routers"][0]["identifier"] == [
        {"kind": "io.l5d.token", "header": "x", "token": "***", "sharedKey": "***"}
    ]


def test_secrets_inside_of_dictionaries_are_masked(read: Read) -> None:
    text = ROUTER + "  filters: {server: [{kind: pause, seconds: 1, reasons: {password: [7], other: [8]}}]}\n"

    (entry,) = masked(read(text))["routers"][0]["filters"]["server"]

    assert entry["reasons"] == {"password": "***", "other": [8]}


def test_a_static_section_shows_what_it_gives(kinds: Kinds) -> None:
    text = (
        ROUTER + "  client: {kind: static, configs: [{prefix: '/#/{a}', greeting: x, loadBalancer: {kind: p2c}}]}\n"
        "  service: {kind: static, configs: [{prefix: /, retries: {budget: {ttlSecs: 3}}}]}\n"
    )

    router = masked(read_text(text, file="f", kinds=kinds, allow_planned=True))["routers"][0]

    balancer = {"kind": "p2c", "maxEffort": 5, "enableProbation": False}
    budget = {"minRetriesPerSec": 10, "percentCanRetry": 0.2, "ttlSecs": 3}
    assert router["client"] == {
        "kind": "io.l5d.static",
        "configs": [{"prefix": "/#/{a}", "loadBalancer": balancer, "greeting": "x"}],
    }
    assert router["service"]["configs"] == [{"prefix": "/", "retries": {"budget": budget}}]


def test_what_is_shown_can_be_loaded_again(read: Read) -> None:
    loaded = read(ROUTER + "namers: [{kind: risky, rootDir: x, experimental: true}]\n")

    again = read(json.dumps(masked(loaded)))

    assert masked(again) == masked(loaded)
