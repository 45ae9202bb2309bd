import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mesh import plugins
from mesh.errors import ConfigError, PluginError
from mesh.keys import Category, Kind
from mesh.plugins import Failure, Kinds

Install = Callable[[str, str], None]

GREETING = """
from mesh import Category, Kind, hookimpl

@hookimpl
def mesh_kinds():
    return [Kind("{kind}", Category.FILTER, "Greets.", factory="{module}:Greeting")]
"""

KNOWN = Kinds(
    [
        Kind("io.l5d.fs", Category.NAMER, "Files.", plugin="builtins"),
        Kind("io.l5d.consul", Category.NAMER, "Consul.", plugin="builtins"),
        Kind("io.l5d.ewma", Category.BALANCER, "Peak EWMA.", aliases=("peak",), plugin="builtins"),
        Kind("p2c", Category.BALANCER, "Power of two choices.", plugin="builtins"),
        Kind("io.l5d.header", Category.IDENTIFIER, "A header.", protocols=("http", "h2"), plugin="builtins"),
        Kind("io.l5d.thrift", Category.IDENTIFIER, "A method.", protocols=("thrift",), plugin="builtins"),
        Kind("static", Category.IDENTIFIER, "Always the same.", plugin="builtins"),
    ]
)


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install distributions of one module each, beside no others."""
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.metadata.entry_points
    installed: list[str] = []

    def put(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text.format(module=name, kind=name.removeprefix("plugin_")))
        folder = tmp_path / f"{name}-1.0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text(f"[mesh]\n{name} = {name}\n")
        installed.append(name)

    def only_these(*, group: str) -> importlib.metadata.EntryPoints:
        return importlib.metadata.EntryPoints(entry for entry in found(group=group) if entry.name in installed)

    monkeypatch.setattr(importlib.metadata, "entry_points", only_these)
    yield put
    for name in installed:
        sys.modules.pop(name, None)


def test_the_kinds_of_installed_plugins_are_found_and_say_who_brought_them(install: Install) -> None:
    install("plugin_hello", GREETING)
    install("plugin_bye", GREETING)

    kinds = plugins.find()

    assert [(kind.name, kind.plugin) for kind in kinds.all()] == [
        ("bye", "plugin_bye (plugin_bye)"),
        ("hello", "plugin_hello (plugin_hello)"),
    ]
    assert kinds.failures == ()


def test_without_plugins_there_are_no_kinds(install: Install) -> None:
    assert (plugins.find().all(), plugins.find().failures) == ([], ())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("this is no python", "SyntaxError: invalid syntax (plugin_bad.py, line 1)"),
        ("import sys\nsys.exit('needs something')", "SystemExit: needs something"),
        (GREETING.replace("return", "raise LookupError('none today')\n    return"), "LookupError: none today"),
        (GREETING.replace("[Kind(", "[print("), "TypeError: "),
        (GREETING.replace("@hookimpl", ""), "PluginError: it has no function `mesh_kinds` marked with `@hookimpl`"),
        (GREETING.replace("mesh_kinds", "mesh_kind"), "PluginValidationError: unknown hook 'mesh_kind'"),
    ],
    ids=["import", "syntax", "exit", "hook raises", "no kinds", "not marked", "no such hook"],
)
def test_a_plugin_that_fails_is_listed_with_its_reason_and_costs_only_its_own_kinds(
    text: str, reason: str, install: Install, caplog: pytest.LogCaptureFixture
) -> None:
    install("plugin_bad", text)
    install("plugin_good", GREETING)

    kinds = plugins.find()

    assert [kind.name for kind in kinds.all()] == ["good"]
    assert [failure.plugin for failure in kinds.failures] == ["plugin_bad (plugin_bad)"]
    assert kinds.failures[0].reason.startswith(reason)
    assert "plugin plugin_bad (plugin_bad) cannot be loaded" in caplog.text


def test_two_plugins_that_bring_one_kind_are_both_named(install: Install) -> None:
    install("plugin_one", GREETING.replace("{kind}", "greeting"))
    install("plugin_other", GREETING.replace("{kind}", "greeting"))

    with pytest.raises(ConfigError) as caught:
        plugins.find()

    assert [problem.message for problem in caught.value.problems] == [
        "the filter kind greeting is brought by both plugin_one (plugin_one) and plugin_other (plugin_other)"
    ]


def test_names_clash_by_alias_and_short_name_too_and_every_clash_is_told() -> None:
    with pytest.raises(ConfigError) as caught:
        Kinds(
            [
                Kind("io.l5d.fs", Category.NAMER, "", plugin="one"),
                Kind("fs", Category.NAMER, "", plugin="two"),
                Kind("files", Category.NAMER, "", aliases=("io.l5d.fs",), plugin="three"),
            ]
        )

    assert [problem.message for problem in caught.value.problems] == [
        "the namer kind fs is brought by both one and two",
        "the namer kind io.l5d.fs is brought by both one and three",
    ]


def test_one_name_in_two_categories_is_no_clash() -> None:
    kinds = Kinds([Kind("static", Category.NAMER, ""), Kind("static", Category.IDENTIFIER, "")])

    assert len(kinds.all()) == 2


def test_a_kind_is_found_by_every_name_it_has() -> None:
    found = {KNOWN.get(Category.BALANCER, name) for name in ("io.l5d.ewma", "ewma", "peak")}

    assert [kind.name for kind in found if kind is not None] == ["io.l5d.ewma"]
    assert KNOWN.get(Category.NAMER, "ewma") is None


def test_all_kinds_are_listed_once_by_category_and_name() -> None:
    assert [kind.name for kind in KNOWN.all()] == [
        "io.l5d.ewma",
        "p2c",
        "io.l5d.header",
        "io.l5d.thrift",
        "static",
        "io.l5d.consul",
        "io.l5d.fs",
    ]


def test_the_names_of_a_category_can_be_limited_to_a_protocol() -> None:
    assert KNOWN.names(Category.IDENTIFIER) == ["io.l5d.header", "io.l5d.thrift", "static"]
    assert KNOWN.names(Category.IDENTIFIER, "http", built=True) == KNOWN.names(Category.IDENTIFIER, "http")
    assert KNOWN.names(Category.IDENTIFIER, "http") == ["io.l5d.header", "static"]


@pytest.mark.parametrize(
    ("category", "written", "nearest"),
    [
        (Category.NAMER, "io.l5d.fz", "io.l5d.fs"),
        (Category.NAMER, "consull", "io.l5d.consul"),
        (Category.NAMER, "io.l5d.consule", "io.l5d.consul"),
        (Category.BALANCER, "p3c", "p2c"),
        (Category.BALANCER, "ewmaa", "io.l5d.ewma"),
        (Category.NAMER, "p2c", ""),
        (Category.NAMER, "", ""),
        (Category.TELEMETER, "anything", ""),
    ],
)
def test_the_nearest_name_is_what_was_probably_meant(category: Category, written: str, nearest: str) -> None:
    assert KNOWN.nearest(category, written) == nearest


def test_the_nearest_name_is_one_that_the_protocol_can_use() -> None:
    assert [KNOWN.nearest(Category.IDENTIFIER, "thrifty", name) for name in ("thrift", "http")] == ["io.l5d.thrift", ""]


def test_a_factory_is_imported_when_it_is_asked_for() -> None:
    kind = Kind("mapping", Category.FILTER, "", factory="collections:OrderedDict", serve="collections:deque")

    assert [plugins.load(kind).__name__, plugins.load(kind, kind.serve).__name__] == ["OrderedDict", "deque"]


@pytest.mark.parametrize(
    ("factory", "reason"),
    [
        ("no_such_module:Greeting", "No module named 'no_such_module'"),
        ("collections:Greeting", "module 'collections' has no attribute 'Greeting'"),
        ("collections", "module 'collections' has no attribute ''"),
        ("", "Empty module name"),
    ],
)
def test_a_factory_that_cannot_be_imported_is_the_plugins_fault(factory: str, reason: str) -> None:
    kind = Kind("greeting", Category.FILTER, "", factory=factory, plugin="hello (linker-hello)")

    with pytest.raises(PluginError) as caught:
        plugins.load(kind)

    assert str(caught.value) == f"hello (linker-hello): cannot load {factory}: {reason}"


def test_a_failure_is_what_it_says() -> None:
    assert Failure("hello", "why") == Failure("hello", "why")
