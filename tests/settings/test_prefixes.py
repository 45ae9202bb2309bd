"""Settings by path: which entries count, and in what order."""

from typing import Any

import attrs
import pytest

from mesh.keys import Category, Chosen, Kind
from mesh.naming.path import Path
from mesh.naming.pattern import PathPattern
from mesh.settings import Entry, Given, PerPrefix


@attrs.frozen(kw_only=True)
class Inner:
    first: str = "first"
    second: int = 2


@attrs.frozen(kw_only=True)
class Example:
    name: str = "nobody"
    size: int = 1
    names: tuple[str, ...] = ()
    table: dict[str, str] = attrs.field(factory=dict)
    inner: Inner = Inner()
    chosen: Chosen | None = None


def section(*entries: tuple[str, dict[str, Any]]) -> PerPrefix[Example]:
    return PerPrefix(Example(), tuple(Entry(PathPattern.read(prefix), Given(values)) for prefix, values in entries))


def test_without_entries_every_path_has_the_default() -> None:
    default = Example()

    assert PerPrefix(default).resolve(Path.read("/a")) is default


def test_an_entry_counts_for_what_its_prefix_matches() -> None:
    settings = section(("/a", {"size": 2}))

    assert [settings.resolve(Path.read(path)).size for path in ("/a", "/a/b", "/b", "/")] == [2, 2, 1, 1]


def test_a_later_entry_overrides_what_it_gives_and_inherits_the_rest() -> None:
    settings = section(("/", {"size": 2, "name": "x"}), ("/a", {"size": 3}))

    resolved = settings.resolve(Path.read("/a"))

    assert (resolved.size, resolved.name) == (3, "x")


def test_the_order_of_the_file_decides_and_not_the_length_of_the_prefix() -> None:
    assert section(("/a/b", {"size": 2}), ("/a", {"size": 3})).resolve(Path.read("/a/b")).size == 3


def test_a_later_entry_can_give_the_default_again() -> None:
    assert section(("/", {"size": 2}), ("/a", {"size": 1})).resolve(Path.read("/a")).size == 1


def test_a_map_is_overridden_as_a_whole() -> None:
    settings = section(("/", {"inner": Inner(first="x")}), ("/a", {"inner": Inner(second=7)}))

    assert settings.resolve(Path.read("/a")).inner == Inner(second=7)


def test_what_is_only_given_in_part_is_overridden_key_by_key() -> None:
    settings = section(("/", {"inner": Given({"first": "x"})}), ("/a", {"inner": Given({"second": 7})}))

    assert settings.resolve(Path.read("/a")).inner == Inner(first="x", second=7)
    assert settings.resolve(Path.read("/b")).inner == Inner(first="x")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"name": "{a}.{b}"}, Example(name="web.com")),
        ({"names": ("{a}", "x")}, Example(names=("web", "x"))),
        ({"table": {"{a}": "{a}"}}, Example(table={"{a}": "web"})),
        ({"inner": Inner(first="{b}")}, Example(inner=Inner(first="com"))),
        ({"inner": Given({"first": "{b}"})}, Example(inner=Inner(first="com"))),
        ({"name": "{c}"}, Example(name="{c}")),
        ({"size": 3}, Example(size=3)),
    ],
)
def test_captures_replace_variables_in_texts(given: dict[str, Any], expected: Example) -> None:
    assert section(("/{a}.{b}", given)).resolve(Path.read("/web.com/x")) == expected


def test_captures_reach_the_keys_of_a_kind() -> None:
    kind = Kind("k", Category.BALANCER, "")
    settings = section(("/{a}", {"chosen": Chosen(kind, Inner(first="{a}"))}))

    assert settings.resolve(Path.read("/web")).chosen == Chosen(kind, Inner(first="web"))


def test_captures_of_one_entry_do_not_reach_another() -> None:
    settings = section(("/{a}", {"size": 2}), ("/", {"name": "{a}"}))

    assert settings.resolve(Path.read("/web")).name == "{a}"
