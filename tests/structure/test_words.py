import ast
import re
from pathlib import Path

from tests.structure.source import CODE, EVERYTHING, ROOT, sources

EMPTY_WORDS = {"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc", "data", "stuff"}
"""Names that say nothing of what is inside."""

LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")  # words: these
PLAIN_IGNORE = re.compile(r"# type: ignore(?!\[[a-z-]+(, ?[a-z-]+)*\]  # \S)")  # words: these
PLAIN_NOQA = re.compile(r"# noqa(?!: [A-Z]+\d+(, ?[A-Z]+\d+)*  \S)")  # words: these
BANNER = re.compile(r"^\s*#\s*[-=#*]{4,}")


def test_files_are_named_after_an_idea() -> None:
    wrong = [source.shown for source in sources(*EVERYTHING) if EMPTY_WORDS & set(_words(source.path.stem))]

    assert wrong == []


def test_folders_are_named_after_an_idea() -> None:
    wrong = [
        str(folder.relative_to(ROOT))
        for top in (*EVERYTHING, "docs", "stacks")
        for folder in (ROOT / top).rglob("*")
        if folder.is_dir() and EMPTY_WORDS & set(_words(folder.name))
    ]

    assert wrong == []


def test_classes_and_functions_are_named_after_an_idea() -> None:
    wrong = [
        f"{source.shown}:{node.lineno} {node.name}"
        for source in sources(*CODE)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (EMPTY_WORDS - {"data", "base"}) & set(_words(node.name))
    ]

    assert wrong == []


def test_nothing_is_left_for_later() -> None:
    assert _lines_with(LATER, [*_python(), *_texts()]) == []


def test_what_a_checker_is_told_to_overlook_says_why() -> None:
    assert _lines_with(PLAIN_IGNORE, _python()) == []
    assert _lines_with(PLAIN_NOQA, _python()) == []


def test_files_are_divided_by_folders_and_not_by_banners() -> None:
    assert _lines_with(BANNER, _python()) == []


def _words(name: str) -> list[str]:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().split("_")


def _python() -> list[Path]:
    return [source.path for source in sources(*EVERYTHING)]


def _texts() -> list[Path]:
    texts = [
        path
        for folder in ("docs", "stacks")
        for kind in ("*.md", "*.yaml", "*.py")
        for path in (ROOT / folder).rglob(kind)
    ]
    return [*texts, ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "pyproject.toml"]


def _lines_with(pattern: re.Pattern[str], paths: list[Path]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line) and not line.endswith("# words: these")
    ]
