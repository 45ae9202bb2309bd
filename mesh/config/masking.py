"""The effective configuration as it is shown to people: every value, defaults too, but no secret."""

import pathlib
from collections.abc import Mapping
from enum import Enum
from typing import Any

import attrs

from mesh.config.loading import Loaded
from mesh.config.shape import fields, key_name
from mesh.keys import Chosen, Key
from mesh.settings.prefixes import Given, PerPrefix
from mesh.settings.reading import Reading

MASK = "***"


def masked(loaded: Loaded) -> dict[str, Any]:
    """Return the effective configuration as JSON can hold it, keys as linkerd spells them, secrets as `***`.

    Secret are the keys that say so, and those whose name ends in `token` or `password`.
    """
    return _map(loaded.stack)


def _map(value: object) -> dict[str, Any]:
    """Return the map of a config class, with the keys of its kind and of the protocol's part of it."""
    shown: dict[str, Any] = {}
    added: dict[str, Any] = {}
    cls: type = type(value)
    for field in fields(cls):
        item = getattr(value, field.name)
        if item is None:
            continue
        if field.reading is Reading.HERE:
            shown[field.key.name] = item.kind.name
            added |= _keys_of(item)
        elif field.reading is Reading.PART:
            added |= _map(item)
        else:
            shown[field.key.name] = _item(field.key, item)
    return {**shown, **{name: item for name, item in added.items() if name not in shown}}


def _keys_of(chosen: Chosen) -> dict[str, Any]:
    """Return the keys of a kind; a filter that is no attrs class has none."""
    asked = {"experimental": True} if chosen.kind.experimental else {}
    return {**asked, **(_map(chosen.config) if attrs.has(type(chosen.config)) else {})}


def _item(key: Key, value: Any) -> Any:
    if key.secret or key.name.lower().endswith(("token", "password")):
        return MASK
    return _value(value)


def _value(value: Any) -> Any:
    match value:
        case Chosen():
            return {"kind": value.kind.name, **_keys_of(value)}
        case PerPrefix():
            return _section(value)
        case Enum():
            return value.value
        case bool() | int() | float() | None:
            return value
        case str():
            return str(value)
        case Mapping():
            return {name: _item(Key(name=name), item) for name, item in value.items()}
        case list() | tuple():
            return [_value(item) for item in value]
        case pathlib.PurePath():
            return str(value)
    if hasattr(type(value), "read") or not attrs.has(type(value)):
        return str(value)
    return _map(value)


def _section(section: PerPrefix[Any]) -> dict[str, Any]:
    if not section.entries:
        return {"kind": "io.l5d.global", **_map(section.default)}
    settings = type(section.default)
    configs = [
        {"prefix": str(entry.prefix), **_given(settings, entry.given, section.default)} for entry in section.entries
    ]
    return {"kind": "io.l5d.static", "configs": configs}


def _given(cls: type, given: Given, default: Any) -> dict[str, Any]:
    """Return what an entry of a static configuration gives."""
    shown: dict[str, Any] = {}
    for field in fields(cls):
        if field.name not in given.values:
            continue
        value = given.values[field.name]
        if isinstance(value, Given):
            inner = getattr(default, field.name)
            keys = _given(type(inner), value, inner)
            shown.update(keys if field.reading is Reading.PART else {key_name(cls, field.name): keys})
        else:
            shown[field.key.name] = _item(field.key, value)
    return shown
