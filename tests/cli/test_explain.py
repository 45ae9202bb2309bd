import json
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Linker


def test_a_name_is_explained_with_the_line_of_each_rule(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "/svc/web")

    assert result.exit_code == 0
    assert result.stdout == (
        "/svc/web\n"
        "└► /srv/web             /svc => /srv  (line 8)\n"
        "   └► /#/io.l5d.fs/web  /srv => /#/io.l5d.fs  (line 7)\n"
        "         bound to /#/io.l5d.fs/web\n"
        "           127.0.0.1:7000\n"
        "\n"
        "1 endpoint reached\n"
    )


def test_a_name_without_a_slash_stands_below_the_prefix_of_the_router(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "one", "--router", "second")

    assert result.exit_code == 0
    assert result.stdout.startswith("/second/one\n")


def test_a_url_is_named_by_the_identifiers_of_the_router(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "http://WEB/path?query", "-X", "POST")

    assert result.exit_code == 0
    assert result.stdout.startswith("POST http://WEB/path?query is named /svc/web by the router http\n\n/svc/web\n")


def test_a_call_of_another_protocol_than_http_has_no_method_of_http(linker: Linker, tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(
        "routers: [{protocol: mux, dtab: /svc => /$/inet/10.0.0.1/80, servers: [{port: 4141, timeoutMs: 9}]}]"
    )

    result = linker("explain", path, "mux://x/web")

    assert result.stdout.startswith("mux://x/web is named /svc/web by the router mux\n\n/svc/web\n")


@pytest.mark.parametrize("header", ["l5d-dtab", "l5d-ctx-dtab", "L5D-Dtab"])
def test_the_override_of_a_request_is_honoured(linker: Linker, stack_file: Path, header: str) -> None:
    result = linker("explain", stack_file, "http://api/", "-H", f"{header}: /svc/api => /srv/web")

    lines = result.stdout.splitlines()
    assert result.exit_code == 0
    assert lines[1] == "override: /svc/api => /srv/web"
    assert "├► /srv/web" in result.stdout
    assert "/svc/api => /srv/web  (override)" in result.stdout


def test_a_listener_for_strangers_honours_no_override(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "http://one/", "-H", "l5d-dtab: /second => !", "--router", "second")

    assert result.exit_code == 0
    assert "override" not in result.stdout


def test_rules_can_be_added_to_those_of_a_name(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "api", "--dtab", "/svc/api => /srv/web")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "override: /svc/api => /srv/web"


def test_a_union_is_shown_with_its_weights(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "two", "--router", "second")

    assert "├► [3 of 4] /$/inet/127.0.0.1/7001" in result.stdout
    assert "└► [1 of 4] /$/inet/127.0.0.1/7002" in result.stdout
    assert result.stdout.endswith("\n2 endpoints reached\n")


def test_a_name_that_leads_nowhere_is_explained_with_the_status_1(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "nobody")

    assert result.exit_code == 1
    assert result.stdout.endswith("         not found\n\nno endpoint is reached\n")


def test_json_is_what_the_admin_page_shows(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "one", "--router", "second", "--json")

    assert json.loads(result.stdout) == {
        "type": "delegate",
        "path": "/second/one",
        "delegate": {
            "type": "leaf",
            "path": "/$/inet/127.0.0.1/7001",
            "dentry": {"prefix": "/second/one", "dst": "/$/inet/127.0.0.1/7001"},
            "bound": {
                "addr": {"type": "bound", "addrs": [{"ip": "127.0.0.1", "port": 7001, "meta": {}}], "meta": {}},
                "id": "/$/inet/127.0.0.1/7001",
                "path": "/",
            },
        },
    }


def test_a_request_that_no_identifier_names_is_refused(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "http:///")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "linker: GET http:/// is not routed: Host header is absent\n"


def test_a_request_that_a_filter_answers_is_refused_with_its_answer(linker: Linker, stack_file: Path) -> None:
    result = linker("explain", stack_file, "http://web/", "-H", "l5d-dtab: /svc")

    assert result.exit_code == 1
    assert "is not routed: the server stack answers the request before it is routed with 400: " in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("we b",), "linker: we b is no name: "),
        (("/svc/",), "linker: /svc/ is no name: "),
        (("web", "--router", "third"), "has no router third; it has: http, second"),
        (("http://wéb☃/",), "linker: GET http://wéb☃/ is not routed: "),
    ],
)
def test_what_cannot_be_asked_is_refused(
    linker: Linker, stack_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = linker("explain", stack_file, *arguments)

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("http://web/", "-H", "nonsense"), "expected 'name: value'"),
        (("web", "--dtab", "/svc =>"), "Invalid value for --dtab"),
        (("web", "-H", "a: b"), "headers belong to a request: give a URL"),
        ((), "Missing argument 'NAME|URL'"),
    ],
)
def test_a_wrong_use_has_the_status_2(
    linker: Linker, stack_file: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = linker("explain", stack_file, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_problems_of_the_file_are_shown(linker: Linker, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text().replace("dtab:", "dtap:", 1))

    result = linker("explain", stack_file, "web")

    assert result.exit_code == 1
    assert "line 6, column 3: routers[0].dtap: unknown key" in result.stderr


def test_a_filter_that_holds_the_request_is_not_waited_for(
    linker: Linker, stack_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh.cli.explain.SECONDS", 0.01)
    (stack_file.parent / "hold.py").write_text(
        "import trio\n\n\nasync def hold(request, service):\n    await trio.sleep_forever()\n"
    )
    stack_file.write_text(stack_file.read_text() + '  filters: {server: [{kind: "hold:hold", before: router}]}\n')

    result = linker("explain", stack_file, "http://one/", "--router", "second")

    assert result.exit_code == 1
    assert result.stderr == "linker: a filter of the server stack holds the request for more than 0.01 s\n"


def test_a_namer_that_does_not_answer_is_shown_as_it_is(
    linker: Linker, stack_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def resolve(*_args: object, **_more: object) -> list[object]:
        time.sleep(0.05)
        return []

    monkeypatch.setattr("mesh.cli.explain.SECONDS", 0.01)
    monkeypatch.setattr("socket.getaddrinfo", resolve)

    result = linker("explain", stack_file, "late", "--router", "second", "--dtab", "/second/late => /$/inet/late/80")

    assert result.exit_code == 1
    assert "no answer yet" in result.stdout
