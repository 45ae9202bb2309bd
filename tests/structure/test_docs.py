import ast
import inspect
import re
from pathlib import Path

import click

import mesh
from mesh import hooks
from mesh.cli import main
from tests.structure.pages import Page, page, pages
from tests.structure.source import CODE, ROOT, sources

METRICS = ("counter", "gauge", "histogram")
SETUP = re.compile(r"^\$\(command -v .*$", re.MULTILINE)


def test_every_link_leads_somewhere() -> None:
    wrong = [
        f"{shown.shown}: {target}" for shown in pages() for target in shown.links() if not _is_there(shown, target)
    ]

    assert wrong == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached: set[Path] = set()
    todo = [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path not in reached and path.suffix == ".md" and path.exists():
            reached.add(path)
            shown = Page(path, path.read_text())
            todo += [(path.parent / target.partition("#")[0]).resolve() for target in shown.links()]

    assert [shown.shown for shown in pages() if shown.path not in reached] == []


def test_every_hook_is_documented_with_its_signature() -> None:
    text = page("docs/hooks.md").text
    specs = [
        hook for hook in vars(hooks).values() if inspect.isfunction(hook) and hasattr(hook, f"{hooks.PROJECT}_spec")
    ]

    missing = [_signature(hook) for hook in specs if _signature(hook) not in text]

    assert specs
    assert missing == []


def test_every_category_of_kinds_is_documented() -> None:
    text = page("docs/hooks.md").text

    assert [category for category in mesh.Category if f"`{category}`" not in text] == []


def test_every_metric_is_documented() -> None:
    text = "".join(shown.text for shown in pages())
    names = {
        str(argument.value)
        for source in sources(*CODE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METRICS
        for argument in node.args
        if isinstance(argument, ast.Constant)
    }

    assert names
    assert sorted(name for name in names if not re.search(rf"[`/]{re.escape(name)}`", text)) == []


def test_every_command_and_option_is_documented() -> None:
    text = page("docs/commands.md").text
    context = click.Context(main)
    commands = {name: main.get_command(context, name) for name in main.list_commands(context)}
    expected = [f"linker {name}" for name in commands]
    for command in commands.values():
        assert command is not None
        expected += [option.opts[0] for option in command.params if isinstance(option, click.Option)]

    assert [name for name in expected if name not in text] == []


def test_the_doors_of_the_readme_are_those_that_ci_uses() -> None:
    commands = SETUP.findall(page("README.md").text)

    assert [command.rpartition("/")[2] for command in commands] == ["linker demo", "tox"]
    assert commands[1] in (ROOT / ".ci/run").read_text().splitlines()


def test_python_in_the_docs_is_python_and_imports_what_is_there() -> None:
    wrong = []
    for shown in pages():
        for block in shown.blocks:
            if block.language == "python":
                for node in ast.walk(ast.parse(block.text)):
                    if isinstance(node, ast.ImportFrom) and node.module == "mesh":
                        wrong += [
                            f"{shown.shown}:{block.line} {item.name}" for item in node.names if not _has(item.name)
                        ]

    assert wrong == []


def _has(name: str) -> bool:
    return hasattr(mesh, name)


def _signature(hook: object) -> str:
    assert inspect.isfunction(hook)
    return f"def {hook.__name__}{inspect.signature(hook)}".replace("collections.abc.", "").replace("mesh.keys.", "")


def _is_there(shown: Page, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = (shown.path.parent / name).resolve() if name else shown.path
    if not path.exists():
        return False
    return not anchor or path.suffix != ".md" or anchor in Page(path, path.read_text()).anchors
