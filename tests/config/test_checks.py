"""What must hold between the parts of a file, and what is only worth a warning."""

import pathlib
from collections.abc import Callable

import pytest

from mesh.config import Loaded, read_text
from mesh.plugins import Kinds

Read = Callable[[str], Loaded]
Problems = Callable[[str], list[str]]

QUIET = "routers:\n- protocol: plain\n  servers: [{timeoutMs: 1}]\n"


def servers(*listeners: str) -> str:
    return f"admin: {{port: 1}}\nrouters:\n- protocol: plain\n  servers: [{', '.join(listeners)}]\n"


@pytest.mark.parametrize(
    "listeners",
    [
        ("{port: 0}", "{port: 0}"),
        ("{port: 5, ip: 127.0.0.2}", "{port: 5}"),
        ("{port: 5, ip: '::'}", "{port: 5, ip: 0.0.0.0}"),
        ("{port: 5, ip: '::1'}", "{port: 5, ip: 0.0.0.0}"),
        ("{port: 1, ip: 127.0.0.2}", "{port: 2}"),
    ],
)
def test_these_listeners_do_not_conflict(listeners: tuple[str, ...], problems: Problems) -> None:
    assert problems(servers(*listeners)) == []


@pytest.mark.parametrize(
    "listeners",
    [
        ("{port: 5, ip: 0.0.0.0}", "{port: 5, ip: 10.0.0.1}"),
        ("{port: 5, ip: 10.0.0.1}", "{port: 5, ip: 0.0.0.0}"),
        ("{port: 5, ip: '::'}", "{port: 5, ip: '::1'}"),
        ("{port: 5, ip: '::1'}", "{port: 5, ip: '0:0::1'}"),
        ("{port: 5, ip: localhost}", "{port: 5}"),
    ],
)
def test_these_listeners_conflict(listeners: tuple[str, ...], problems: Problems) -> None:
    (problem,) = problems(servers(*listeners))

    assert "routers[0].servers[1].port: Server conflict on port 5;" in problem


def test_each_conflict_is_told_once(problems: Problems) -> None:
    assert len(problems(servers("{port: 5}", "{port: 5}", "{port: 5}"))) == 2


def test_servers_of_broken_routers_count_too(problems: Problems) -> None:
    found = problems("routers:\n- protocol: plain\n  dstPrefix: x\n  servers: [{port: 5}, {port: 5}]\n")

    assert any("Server conflict on port 5" in line for line in found)


def test_a_router_after_a_broken_one_keeps_its_number(problems: Problems) -> None:
    found = problems("routers:\n- 7\n- protocol: plain\n  servers: []\n")

    assert found[1] == "4:3 routers[1].servers: an empty list found; expected at least one server"


def test_a_router_without_any_timeout_is_warned_of(read: Read) -> None:
    (warning,) = read("routers:\n- protocol: plain\n  servers: [{}]\n").warnings

    assert (warning.key, warning.line) == ("routers[0]", 2)
    assert warning.message == "no timeout is configured: a request waits for as long as its endpoint takes"


@pytest.mark.parametrize(
    "timeout",
    [
        "  service: {totalTimeoutMs: 1}",
        "  client: {requestAttemptTimeoutMs: 1}",
        "  client: {kind: static, configs: [{prefix: /, requestAttemptTimeoutMs: 1}]}",
    ],
)
def test_any_timeout_will_do(timeout: str, kinds: Kinds) -> None:
    text = f"routers:\n- protocol: plain\n  servers: [{{}}]\n{timeout}\n"

    warnings = read_text(text, file="f", kinds=kinds, allow_planned=True).warnings

    assert [warning for warning in warnings if "no timeout" in warning.message] == []


@pytest.mark.parametrize(("attempt", "is_vain"), [(999, False), (1000, True), (2000, True)])
def test_an_attempt_timeout_that_never_ends_an_attempt_is_warned_of(read: Read, attempt: int, is_vain: bool) -> None:
    service, client = "{totalTimeoutMs: 1000}", f"{{requestAttemptTimeoutMs: {attempt}}}"

    warnings = read(
        f"routers:\n- protocol: plain\n  service: {service}\n  client: {client}\n  servers: [{{}}]\n"
    ).warnings

    assert [(found.key, found.line) for found in warnings] == [
        ("routers[0].client.requestAttemptTimeoutMs", 4)
    ] * is_vain


def test_a_quiet_file_has_no_warnings(read: Read) -> None:
    assert read(QUIET).warnings == ()


def test_worker_threads_have_no_effect(read: Read) -> None:
    (warning,) = read("admin:\n  workerThreads: 2\n" + QUIET).warnings

    assert warning.show().startswith("stack.yaml, line 2, column 3: admin.workerThreads: has no effect")


def test_a_kind_may_warn_of_its_own_keys(read: Read) -> None:
    (warning,) = read(QUIET + "  volume: 11\n").warnings

    assert (warning.key, warning.line, warning.message) == ("routers[0].loudness", 4, "hurts")


@pytest.mark.parametrize(
    ("rule", "leads_nowhere"),
    [
        ("/svc => /#/io.l5d.files", False),
        ("/svc => /#/io.l5d.files/web | /$/inet/127.1/80", False),
        ("/svc => /#", False),
        ("/svc => /#/io.l5d.file", True),
        ("/svc => /#/io.l5d.files/web | /#/io.l5d.consul/dc1", True),
    ],
)
def test_a_rule_that_leads_to_no_namer_is_warned_of(rule: str, leads_nowhere: bool, read: Read) -> None:
    namers = "namers: [{kind: io.l5d.files, rootDir: disco}]\n"

    warnings = read(namers + QUIET + f"  dtab: |\n    /a => /b;\n    {rule};\n").warnings

    assert [(found.line, found.column, found.expected) for found in warnings] == [
        (7, 5, "one of /#/io.l5d.files")
    ] * leads_nowhere


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("/a => /$/inet/10.0.0.1:80", ["/$/inet/10.0.0.1/80"]),
        ("/a => /$/inet/web.test:80/rest | /b", ["/$/inet/web.test/80"]),
        ("/a => /$/inet/10.0.0.1/80", []),
        ("/a => /$/inet/10.0.0.1", []),
        ("/a => /$/inet", []),
        ("/a => /$/inet/::1/80", []),
        ("/a => /$/inet/10.0.0.1/http", ["/$/inet/10.0.0.1/ and a number"]),
    ],
)
def test_what_is_no_port_of_a_host_is_warned_of(rule: str, expected: list[str], read: Read) -> None:
    warnings = read(QUIET + f"  dtab: {rule}\n").warnings

    assert [found.expected for found in warnings] == expected


def test_certificates_that_are_not_there_are_warned_of(tmp_path: pathlib.Path, kinds: Kinds) -> None:
    (tmp_path / "key.pem").touch(mode=0o600)
    tls = f"{{certPath: {tmp_path}/none.pem, keyPath: {tmp_path}/key.pem}}"

    warnings = read_text(
        f"routers:\n- protocol: plain\n  servers: [{{timeoutMs: 1, tls: {tls}}}]\n", file="f", kinds=kinds
    ).warnings

    assert [warning.key for warning in warnings] == ["routers[0].servers[0].tls.certPath"]


def test_every_file_of_tls_that_is_not_there_is_warned_of(kinds: Kinds) -> None:
    server = "{certPath: a, keyPath: b, caCertPath: c, certificates: [{certPath: d, keyPath: e}]}"
    client = "{commonName: x, trustCerts: [f, g], clientAuth: {certPath: h, keyPath: i, intermediateCertsPath: j}}"
    text = f"routers:\n- protocol: plain\n  servers: [{{timeoutMs: 1, tls: {server}}}]\n  client: {{tls: {client}}}\n"

    warnings = read_text(text, file="f", kinds=kinds).warnings

    assert sorted(warning.message for warning in warnings) == [f"{name} does not exist here" for name in "abcdefghij"]


@pytest.mark.parametrize(("mode", "count"), [(0o644, 1), (0o640, 0), (0o600, 0)])
def test_a_private_key_that_everybody_can_read_is_warned_of(
    mode: int, count: int, tmp_path: pathlib.Path, kinds: Kinds
) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(mode)
    text = f"routers:\n- protocol: plain\n  servers:\n  - tls:\n      certPath: a\n      keyPath: {key}\n"

    warnings = read_text(text, file="f", kinds=kinds, allow_planned=True).warnings

    found = [warning for warning in warnings if "can be read by everybody" in warning.message]
    assert [(warning.key, warning.line) for warning in found] == [("routers[0].servers[0].tls.keyPath", 6)] * count
