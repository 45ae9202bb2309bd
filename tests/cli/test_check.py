import json
from pathlib import Path

from tests.cli.conftest import Linker

WRONG = """\
namers:
- kind: io.l5d.fs
  rootDir: /nowhere
routers:
- protocol: http
  servers:
  - port: 0
  filters:
    service:
    - remove: nothing
"""


def test_a_file_that_is_right_is_shown_with_its_stacks_from_top_to_bottom(linker: Linker, stack_file: Path) -> None:
    result = linker("check", stack_file)

    lines = result.stdout.splitlines()
    roles = [line[10:].split()[0] for line in lines[3:] if line.startswith("  ")]
    assert (result.exit_code, lines[0], lines[2]) == (0, f"{stack_file} is right.", "router http: http on 127.0.0.1:0")
    assert roles.index("router") < roles.index("binding") < roles.index("balancer") < roles.index("pool")


def test_sections_branch_points_and_rules_are_named(linker: Linker, stack_file: Path) -> None:
    lines = [line.split() for line in linker("check", stack_file).stdout.splitlines()]

    router = next(line for line in lines if line[:1] == ["router"] and "═►" in line)
    assert " ".join(router).startswith("router ═► per logical name; above binding: ")
    assert [line[0] for line in lines if line[:1] and line[0] in ("server", "service", "client", "endpoint")][:4] == [
        "server",
        "service",
        "client",
        "endpoint",
    ]


def test_the_filter_of_a_stack_file_is_named_by_its_kind(linker: Linker, stack_file: Path) -> None:
    (stack_file.parent / "shout.py").write_text(
        "async def shout(request, service):\n    return await service(request)\n"
    )
    stack_file.write_text(stack_file.read_text() + '  filters:\n    service:\n    - kind: "shout:shout"\n')

    shown = json.loads(linker("check", "--json", stack_file).stdout)

    stack = shown["routers"][1]["stack"]
    place = next(number for number, module in enumerate(stack) if module["role"] == "binding")
    assert (stack[place - 1]["kind"], stack[place - 1]["section"]) == ("shout:shout", "service")


def test_warnings_come_last(linker: Linker, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text().replace("    timeoutMs: 1000\n", ""))

    result = linker("check", stack_file)

    assert result.exit_code == 0
    assert [line.partition(": ")[0] for line in result.stdout.splitlines()[-3::2]] == ["warning", "warning"]


def test_all_problems_of_the_text_are_shown_at_once(linker: Linker, stack_file: Path) -> None:
    stack_file.write_text(stack_file.read_text().replace("dtab:", "dtap:").replace("profile: edge", "profile: egde"))

    result = linker("check", stack_file)

    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        "routers[0].dtap",
        "routers[1].dtap",
        "routers[1].servers[0].profile",
    ]


def test_all_problems_of_the_stacks_are_shown_at_once_with_their_places(linker: Linker, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)

    result = linker("check", path)

    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stderr.splitlines()] == [
        [f"{path}, line 3, column 3", "namers[0].rootDir"],
        [f"{path}, line 10, column 7", "routers[0].filters.service[0]"],
    ]


def test_json_has_the_stacks(linker: Linker, stack_file: Path) -> None:
    shown = json.loads(linker("check", stack_file, "--json").stdout)

    first = shown["routers"][0]
    assert (shown["file"], shown["ok"], shown["warnings"]) == (str(stack_file), True, [])
    assert (first["label"], first["protocol"]) == ("http", "http")
    assert first["servers"] == [{"label": "127.0.0.1/0", "ip": "127.0.0.1", "port": 0}]
    assert [module["branch"] for module in first["stack"] if module["role"] == "router"] == ["per logical name"]
    assert first["stack"][-1]["role"] == "pool"


def test_json_has_the_problems(linker: Linker, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(WRONG)

    result = linker("check", path, "--json")

    shown = json.loads(result.stdout)
    assert (result.exit_code, shown["ok"]) == (1, False)
    assert [(problem["key"], problem["line"]) for problem in shown["problems"]] == [
        ("namers[0].rootDir", 3),
        ("routers[0].filters.service[0]", 10),
    ]


def test_a_file_that_is_not_there_is_said_to_be_missing(linker: Linker) -> None:
    result = linker("check", "nowhere.yaml")

    assert (result.exit_code, result.stderr) == (1, "nowhere.yaml: there is no such file\n")


def test_a_dash_reads_standard_input(linker: Linker, stack_file: Path) -> None:
    result = linker("check", "-", text=stack_file.read_text())

    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "<stdin> is right.")
