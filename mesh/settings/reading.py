"""Fields that are read in another way than from a key of their own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import attrs

from mesh.keys import KEY, Category, Key

READING = "mesh.reading"  # where the functions below leave a `Reading` in the metadata of an attrs field
PART = "mesh.part"  # and the name of the part, for `Reading.PART`
DEFAULT_KEYS = "mesh.default_keys"  # what the default kind is given, where `by_default` says so


class Reading(StrEnum):
    """How a field gets its value."""

    KEY = "key"
    """From its key."""
    HERE = "here"
    """Its key names a kind, whose own keys stand in the same map."""
    SECTION = "section"
    """From its key; an absent one is read as an empty map, so that the default kinds in it are chosen."""
    MERGED = "merged"
    """From its key, whose sub-keys are overridden one by one in a static configuration."""
    PART = "part"
    """The same map is read once more, by the class that the router's protocol has for this part of a stack file."""


def reading(field: "attrs.Attribute[Any]") -> Reading:
    """Return how a field gets its value."""
    found: Reading = field.metadata.get(READING, Reading.KEY)
    return found


def here(doc: str, category: Category, *, name: str = "kind", optional: bool = False, **more: Any) -> Any:
    """Return the field of a `Chosen` whose kind is named by the key `name` and whose keys stand beside it."""
    metadata = {KEY: Key(doc=doc, name=name, category=category, **more), READING: Reading.HERE}
    return attrs.field(default=None, metadata=metadata) if optional else attrs.field(metadata=metadata)


def by_default(doc: str, category: Category, kind: str, **keys: str) -> Any:
    """Return the field of a `Chosen` that is `kind` when its key is absent, with the keys of its own as a file has them."""
    return attrs.field(metadata={KEY: Key(doc=doc, category=category, default_kind=kind), DEFAULT_KEYS: keys})


def section(doc: str) -> Any:
    """Return the field of a map that counts as empty when it is absent."""
    return attrs.field(metadata={KEY: Key(doc=doc), READING: Reading.SECTION})


def merged(doc: str, factory: type, **more: Any) -> Any:
    """Return the field of a map whose keys a static configuration overrides one by one."""
    return attrs.field(factory=factory, metadata={KEY: Key(doc=doc, **more), READING: Reading.MERGED})


def part(name: str) -> Any:
    """Return the field that holds what the protocol adds to this map; None where it adds nothing."""
    return attrs.field(default=None, metadata={READING: Reading.PART, PART: name})


def core_defaults(cls: type | None) -> Mapping[str, Any]:
    """Return what a protocol's class says of the keys that all protocols share: the defaults that are its own.

    Such a class may have an attribute `core_defaults`, a map from the field's name to its default (for a key that
    chooses a kind, the kind's name): `{"port": 4140}`.
    """
    found: Mapping[str, Any] = getattr(cls, "core_defaults", {})
    return found
