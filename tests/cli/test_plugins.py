import json

import pytest

from mesh.keys import Category, Kind
from mesh.plugins import Failure, Kinds
from tests.cli.conftest import Linker

KINDS = Kinds(
    [
        Kind("io.l5d.fs", Category.NAMER, "Files.", plugin="builtins (linker-mesh)"),
        Kind("io.l5d.etcd", Category.NAMER, "Keys.", built=False, experimental=True, plugin="other (their-mesh)"),
        Kind("p2c", Category.BALANCER, "Two at random.", plugin="builtins (linker-mesh)"),
    ],
    (Failure("broken (bad-mesh)", "ImportError: no module"),),
)


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh.cli.plugins.find", lambda: KINDS)


def test_kinds_are_listed_by_category_with_what_they_are_and_which_stranger_brought_them(linker: Linker) -> None:
    result = linker("plugins")

    assert result.exit_code == 0
    assert result.stdout == (
        "balancer:\n"
        "  p2c          Two at random.\n"
        "\n"
        "namer:\n"
        "  io.l5d.etcd  Keys. [not built yet, experimental] — other (their-mesh)\n"
        "  io.l5d.fs    Files.\n"
        "\n"
        "not loaded: broken (bad-mesh): ImportError: no module\n"
    )


def test_the_same_can_be_had_as_json(linker: Linker) -> None:
    shown = json.loads(linker("plugins", "--json").stdout)

    assert [kind["name"] for kind in shown["kinds"]] == ["p2c", "io.l5d.etcd", "io.l5d.fs"]
    assert shown["kinds"][1] == {
        "category": "namer",
        "name": "io.l5d.etcd",
        "aliases": ["etcd"],
        "summary": "Keys.",
        "protocols": [],
        "plugin": "other (their-mesh)",
        "built": False,
        "experimental": True,
    }
    assert shown["failures"] == [{"plugin": "broken (bad-mesh)", "reason": "ImportError: no module"}]
