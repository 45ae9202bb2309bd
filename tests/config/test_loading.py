"""Loading stack files: from where, how fast, and what is known of a file that is right."""

import contextlib
import io
import pathlib
import sys
import types
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mesh.config.loading import MAX_BYTES, Loaded, read_file, read_text
from mesh.errors import ConfigError
from mesh.plugins import Kinds
from tests.work import counted

Read = Callable[[str], Loaded]

SMALL = "routers:\n- protocol: plain\n  servers:\n  - port: 1\n    timeoutMs: 500\n"


def refusal(path: str, kinds: Kinds) -> str:
    with pytest.raises(ConfigError) as caught:
        read_file(path, kinds)
    return str(caught.value)


def test_a_small_file_gets_every_default(read: Read) -> None:
    stack = read(SMALL).stack

    router = stack.routers[0]
    assert (router.label, router.servers[0].label) == ("plain", "127.0.0.1/1")
    assert (stack.admin.ip, stack.admin.port) == ("127.0.0.1", 9990)
    assert (router.binding_timeout_ms, router.binding_cache.paths) == (10000, 1000)
    assert router.interpreter.chosen.kind.name == "default"
    assert router.client.default.load_balancer.chosen.kind.name == "p2c"
    assert router.client.default.failure_accrual.config.failures == 5
    assert [chosen.kind.name for chosen in router.protocol.config.identifier] == ["io.l5d.token"]


def test_json_is_read_as_well(read: Read) -> None:
    stack = read('\n {"routers": [{"protocol": "plain",\n\t"label": "\\u0061\\/b", "servers": [{"port": 1}]}]}').stack

    assert stack.routers[0].label == "a/b"


def test_a_path_is_read_from_disk(tmp_path: pathlib.Path, kinds: Kinds) -> None:
    (tmp_path / "stack.yaml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())

    loaded = read_file(str(tmp_path / "stack.yaml"), kinds)

    assert loaded.file == str(tmp_path / "stack.yaml")
    assert loaded.stack.routers[0].servers[0].port == 1


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch, kinds: Kinds) -> None:
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(SMALL.encode())))

    assert read_file("-", kinds).file == "<stdin>"


def test_a_missing_file_is_one_readable_problem(tmp_path: pathlib.Path, kinds: Kinds) -> None:
    assert refusal(f"{tmp_path}/none.yaml", kinds) == f"{tmp_path}/none.yaml: there is no such file"


def test_a_directory_is_one_readable_problem(tmp_path: pathlib.Path, kinds: Kinds) -> None:
    assert refusal(str(tmp_path), kinds) == f"{tmp_path}: is a directory; expected a file"


def test_a_path_that_cannot_be_one_is_one_readable_problem(kinds: Kinds) -> None:
    assert refusal("a\0b", kinds) == "a\0b: cannot be read: embedded null byte"


def test_a_file_that_is_not_utf_8_is_one_readable_problem(tmp_path: pathlib.Path, kinds: Kinds) -> None:
    path = tmp_path / "latin.yaml"
    path.write_bytes(b"routers:\n- label: caf\xe9\n")

    assert refusal(str(path), kinds) == f"{path}, line 2, column 13: is not UTF-8: the byte 0xe9"


def test_a_file_without_end_is_not_read_for_ever(kinds: Kinds) -> None:
    assert refusal("/dev/zero", kinds) == f"/dev/zero: is larger than {MAX_BYTES} bytes"


def test_problems_come_in_the_order_of_the_file(problems: Callable[[str], list[str]]) -> None:
    found = problems("routers:\n- servers: []\n  protocol: later\n  dstPrefix: x\nzzz: 1\n")

    assert [line.partition(" ")[0] for line in found] == ["2:3", "3:13", "4:14", "5:1"]


def test_every_value_knows_its_place(read: Read) -> None:
    loaded = read(SMALL)

    assert loaded.origin("routers[0].servers[0].port") == (4, 5)
    assert loaded.origin("routers[0].servers[0]") == (4, 5)
    assert loaded.origin("routers[0].protocol") == (2, 3)


def test_a_default_has_no_place(read: Read) -> None:
    loaded = read(SMALL)

    assert loaded.origin("routers[0].dstPrefix") == (0, 0)
    assert loaded.origin("routers[0].client.failureAccrual.failures") == (0, 0)


def test_a_kind_knows_its_line(read: Read) -> None:
    router = read(SMALL + "  client:\n    failureAccrual:\n      kind: none\n").stack.routers[0]

    assert (router.client.default.failure_accrual.line, router.client.default.load_balancer.chosen.line) == (8, 0)


def test_every_rule_of_a_dtab_can_be_found_in_the_file(read: Read) -> None:
    loaded = read(SMALL + "  dtab: |2\n\n    # first\n    /a => /b;\n      /c => /d;\n")

    places = [loaded.place_within("routers[0].dtab", d.line, d.column) for d in loaded.stack.routers[0].dtab]
    assert places == [(9, 5), (10, 7)]


def test_a_place_within_a_default_is_none(read: Read) -> None:
    assert read(SMALL).place_within("routers[0].dtab", 1, 1) == (0, 0)


def test_what_is_planned_is_a_warning_for_those_who_only_look(kinds: Kinds) -> None:
    loaded = read_text(SMALL + "    announce: [/x]\n", file="f", kinds=kinds, allow_planned=True)

    assert loaded.stack.routers[0].servers[0].announce
    assert [warning.message for warning in loaded.warnings] == ["`announce` is known but not built yet"]


def test_a_value_that_asks_for_nothing_need_not_be_built(problems: Callable[[str], list[str]]) -> None:
    assert problems(SMALL + "    announce: []\n    serverSession: {}\n  client: {failFast: no}\n") == []


def test_a_table_of_ten_thousand_rules_loads_with_a_bounded_number_of_calls(read: Read) -> None:
    rules = "".join(f"    /svc/a{number} => /#/io.l5d.fs/a{number} | /b;\n" for number in range(10_000))

    with counted() as work:
        loaded = read(SMALL + "  dtab: |\n" + rules)

    assert len(loaded.stack.routers[0].dtab) == 10_000
    assert work.calls < 400 * 10_000


PIECES = ["routers:", "- ", "  ", "\n", "protocol: plain", "servers:", "port: ", "1", "{", "}", "[", "]", ",", ": "]
PIECES += [
    "&a ",
    "*a",
    "|\n",
    '"',
    "'",
    "dtab: ",
    "/a => /b;",
    "kind: ",
    "client:",
    "configs:",
    "prefix: /",
    "filters:",
]
PIECES += ["!x ", "é", "\t", "? ", "#"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join) | st.text(max_size=60))
def test_no_text_raises_anything_but_problems(kinds: Kinds, text: str) -> None:
    with contextlib.suppress(ConfigError):
        read_text(text, file="f", kinds=kinds)
