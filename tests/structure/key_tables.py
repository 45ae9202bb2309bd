"""Tables of keys: of a section of the stack file, of what a protocol adds to it, of a kind."""

import functools
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, get_args, get_origin

import attrs

import mesh.settings
import mesh.settings.connections
from mesh.config.shape import Field, fields, item_type, options, value_type, words
from mesh.keys import Category, Chosen, Kind
from mesh.plugins import Kinds, find
from mesh.settings.connections import UNBOUNDED, Address
from mesh.settings.prefixes import PerPrefix
from mesh.settings.reading import Reading, core_defaults
from tests.structure.markdown import code, table
from tests.structure.pages import page, slug

SCHEMA_PAGE = "docs/stacks.md"
HEAD = ("key", "value", "default", "meaning")
_NAMES = {bool: "true or false", int: "whole number", float: "number", str: "text", Any: "anything"}
_MARKED = re.compile(r"^#+ +(?P<title>[^\n]*)\n(?P<text>(?:(?!^#).*\n)*)", re.MULTILINE)


@functools.cache
def installed() -> Kinds:
    """Return the kinds of all installed plugins."""
    return find()


def settings_classes() -> dict[str, type]:
    """Return every class of `mesh.settings` that a map of a stack file is read into, by name."""
    return dict(_classes(mesh.settings)) | dict(_classes(mesh.settings.connections))


def _classes(module: ModuleType) -> Iterator[tuple[str, type]]:
    for name, value in vars(module).items():
        if isinstance(value, type) and attrs.has(value) and any(True for field in fields(value) if field.key.doc):
            yield name, value


def of_settings(name: str) -> str:
    """Return the table of a class of `mesh.settings`."""
    return _table(settings_classes()[name])


def of_part(protocol: str, part: str) -> str:
    """Return the table of what a protocol adds to a part of the stack file: `router`, `server`, `service` or `client`."""
    kind = installed().get(Category.PROTOCOL, protocol)
    assert kind is not None
    cls = kind.config if part == "router" else kind.parts.get(part)
    but = core_names() if part == "router" else frozenset[str]()
    return _table(cls, but) if cls is not None and rows(cls) else "Nothing."


def of_kind_keys(kind: Kind) -> str:
    """Return the table of a kind's own keys, for a page below that of the schema."""
    but = core_names() if kind.category is Category.PROTOCOL else frozenset[str]()
    if kind.config is None or not rows(kind.config, but):
        return "It has no keys of its own."
    return _table(kind.config, but).replace("](#", "](../stacks.md#")


def core_names() -> frozenset[str]:
    """Return the keys of a router that all protocols share."""
    return frozenset(field.key.name for field in fields(mesh.settings.RouterSettings))


def _table(cls: type, but: frozenset[str] = frozenset()) -> str:
    return table(HEAD, rows(cls, but))


def rows(cls: type, but: frozenset[str] = frozenset()) -> list[list[str]]:
    """Return a row for each key of a class, less those in `but`."""
    return [
        [", ".join(map(code, (field.key.name, *field.key.aliases))), _value(field), _default(field, cls), _doc(field)]
        for field in fields(cls)
        if field.reading is not Reading.PART and field.key.doc and field.key.name not in but
    ]


def _doc(field: Field) -> str:
    protocols = field.key.protocols
    only = f" For routers of the protocol {', '.join(map(code, protocols))}." if protocols else ""
    return field.key.doc + only + ("" if field.key.built else " *Not built yet.*")


def _value(field: Field) -> str:
    text = " or ".join(dict.fromkeys(_type(option, field) for option in options(field.type)))
    least, most = field.key.least, field.key.most
    if most is not None:
        return f"{text}, {least or 0:.10g} to {most:.10g}"
    return text if least is None else f"{text}, at least {least:.10g}"


def _type(annotation: Any, field: Field) -> str:
    if len(options(annotation)) > 1:
        return " or ".join(_type(option, field) for option in options(annotation))
    item, inner = item_type(annotation), value_type(annotation)
    if item is not None:
        return f"list: {_type(item, field)}"
    if inner is not None:
        return f"map: {_type(inner, field)}"
    if words(annotation):
        return " or ".join(map(code, words(annotation)))
    if annotation is Chosen and field.key.category is not None:
        what = "name" if field.reading is Reading.HERE else "map with the `kind`"
        return f"{what} of {field.key.category.with_article}"
    if get_origin(annotation) is PerPrefix:
        (annotation,) = get_args(annotation)
    if isinstance(annotation, type) and attrs.has(annotation) and not hasattr(annotation, "read"):
        return _map(annotation)
    return _NAMES.get(annotation) or annotation.__name__.lower()


def _map(cls: type) -> str:
    anchor = anchors().get(cls.__name__)
    target = f"#{anchor}" if anchor else ""
    return f"[map]({target})" if target else "map"


@functools.cache
def anchors() -> dict[str, str]:
    """Return under which heading of the schema's page each class has its table."""
    found = {}
    for match in _MARKED.finditer(page(SCHEMA_PAGE).text):
        for name in re.findall(r"<!-- made: keys (\w+) -->", match["text"]):
            found[name] = slug(match["title"])
    return found


def _default(field: Field, cls: type) -> str:
    if field.key.category is not None and field.key.default_kind:
        keys = "".join(f", {name}: {text}" for name, text in field.default_keys.items())
        return code(f"{{kind: {field.key.default_kind}{keys}}}") if keys else code(field.key.default_kind)
    if field.reading is Reading.SECTION:
        return "`{}`"
    if field.name in _protocol_defaults(cls):
        return "the protocol's"
    default = field.make_default()
    return "**required**" if default is attrs.NOTHING else _shown(default)


def _protocol_defaults(cls: type) -> set[str]:
    """Return the fields of a class that each protocol has its own default for."""
    parts = {field.part for field in fields(cls) if field.reading is Reading.PART}
    protocols = [kind for kind in installed().all() if kind.category is Category.PROTOCOL]
    return {name for kind in protocols for part in parts for name in core_defaults(kind.parts.get(part))}


def _shown(value: Any) -> str:
    match value:
        case None | "":
            return "none"
        case bool():
            return code(str(value).lower())
        case int() if value == UNBOUNDED:
            return "unlimited"
        case int() | Address():
            return code(value)
        case float():
            return code(f"{value:g}")
        case tuple() | list():
            return code(f"[{', '.join(map(str, value))}]")
    if hasattr(type(value), "read"):
        return code(value) if str(value) else "empty"
    if attrs.has(type(value)):
        return code(_given(value))
    return code(value)


def _changed(value: Any) -> list[Field]:
    cls: type = type(value)
    return [field for field in fields(cls) if getattr(value, field.name) != field.make_default()]


def _given(value: Any) -> str:
    changed = _changed(value)
    return "{" + ", ".join(f"{field.key.name}: {getattr(value, field.name)}" for field in changed) + "}"
