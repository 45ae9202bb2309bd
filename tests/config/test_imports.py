"""Filters that lie beside the stack file."""

import pathlib
import sys
from collections.abc import Iterator

import pytest

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError
from mesh.keys import Chosen
from mesh.plugins import Kinds

FILTERS = '''"""Filters for the tests."""

import attrs

from mesh import key


@attrs.define
class Shout:
    """Shouts."""

    volume: int = key("How loud.", 3)

    async def __call__(self, request, service):
        return await service(request)


class Plain:
    async def __call__(self, request, service):
        return await service(request)


class Needy(Plain):
    def __init__(self, volume):
        self.volume = volume


class Angry(Plain):
    def __init__(self):
        raise KeyError("no")


@attrs.define
class Lost:
    volume: "Nowhere" = 1

    async def __call__(self, request, service):
        return await service(request)


class NoFilter:
    pass


async def whisper(request, service):
    """Whispers."""
    return await service(request)


NUMBER = 3
'''


@pytest.fixture
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    (tmp_path / "my_filters.py").write_text(FILTERS)
    (tmp_path / "broken_filters.py").write_text("import json\n\njson.nothing_of_the_kind\n")
    (tmp_path / "wrong_filters.py").write_text("def f(:\n")
    (tmp_path / "ending_filters.py").write_text("raise SystemExit(3)\n")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.endswith("_filters"):
            del sys.modules[name]


def read(entry: str, folder: pathlib.Path, kinds: Kinds) -> Loaded:
    text = f"routers:\n- protocol: plain\n  servers: [{{}}]\n  filters:\n    client:\n    - {entry}\n"
    return read_text(text, file="", folder=folder, kinds=kinds)


def chosen(entry: str, folder: pathlib.Path, kinds: Kinds) -> Chosen:
    found = read(entry, folder, kinds).stack.routers[0].filters.client[0].chosen
    assert found is not None
    return found


def test_an_attrs_class_gets_its_keys(folder: pathlib.Path, kinds: Kinds) -> None:
    found = chosen('{kind: "my_filters:Shout", volume: 9, before: pool}', folder, kinds)

    assert (found.config.volume, found.kind.name, found.kind.summary, found.line) == (
        9,
        "my_filters:Shout",
        "Shouts.",
        6,
    )


def test_a_class_without_arguments_is_made(folder: pathlib.Path, kinds: Kinds) -> None:
    assert type(chosen('{kind: "my_filters:Plain"}', folder, kinds).config).__name__ == "Plain"


def test_a_function_is_a_filter(folder: pathlib.Path, kinds: Kinds) -> None:
    found = chosen('{kind: "my_filters:whisper"}', folder, kinds)

    assert (found.config.__name__, found.kind.summary) == ("whisper", "Whispers.")


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ('{kind: "my_filters:Shout", volum: 9}', "volum: unknown key; did you mean volume?"),
        ('{kind: "my_filters:Shout", volume: x}', "volume: x found; expected a whole number"),
        ('{kind: "my_filters:Plain", volume: 9}', "volume: unknown key; expected one of "),
        ('{kind: "my_filters:Shoot"}', "kind: `my_filters` has no `Shoot`; did you mean Shout?"),
        ('{kind: "my_filters:NUMBER"}', "kind: `my_filters:NUMBER` is neither a class nor a function"),
        ('{kind: "my_filters:NoFilter"}', "kind: `my_filters:NoFilter` is no filter: it has no `__call__"),
        ('{kind: "my_filters:Needy"}', "kind: `my_filters:Needy` cannot be made: TypeError: "),
        ('{kind: "my_filters:Angry"}', "kind: `my_filters:Angry` cannot be made: KeyError: 'no' (my_filters.py, line "),
        ('{kind: "my_filters:Lost"}', "has an annotation that cannot be read: name 'Nowhere' is not defined"),
        (
            '{kind: "no_filters:X"}',
            "kind: `no_filters` cannot be imported: ModuleNotFoundError: No module named 'no_filters'",
        ),
        ('{kind: "broken_filters:X"}', "AttributeError: module 'json' has no attribute 'nothing_of_the_kind'"),
        ('{kind: "broken_filters:X"}', " (broken_filters.py, line 3)"),
        (
            '{kind: "wrong_filters:X"}',
            "cannot be imported: SyntaxError: invalid syntax (wrong_filters.py, line 1)",
        ),
        ('{kind: "ending_filters:X"}', "kind: `ending_filters` cannot be imported: SystemExit: 3"),
        ('{kind: ":X"}', "kind: "),
    ],
)
def test_what_cannot_be_used_is_told_at_its_place(
    entry: str, expected: str, folder: pathlib.Path, kinds: Kinds
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(entry, folder, kinds)

    (problem,) = caught.value.problems
    assert expected in problem.show()
    assert problem.line == 6


def test_other_categories_import_nothing(folder: pathlib.Path, kinds: Kinds) -> None:
    text = 'namers:\n- kind: "my_filters:Shout"\nrouters:\n- protocol: plain\n  servers: [{}]\n'

    with pytest.raises(ConfigError, match="there is no namer my_filters:Shout"):
        read_text(text, file="", folder=folder, kinds=kinds)
