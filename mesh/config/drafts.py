"""What a map of a stack file gives to a config class, before a value is made of it."""

from collections.abc import Mapping as Map
from types import MappingProxyType
from typing import Any

import attrs

from mesh.config.nodes import Mapping, Node, Pair, Scalar
from mesh.config.places import Place
from mesh.settings.prefixes import Given


@attrs.define(eq=False)
class Draft:
    """What a map gives to one class, by field name: `given`, and in `inner` what is made of further drafts.

    `failed` are the fields whose value could not be read, `suspects` the keys that a misspelt one was taken for,
    `defaults` the protocol's own defaults. `value` is what was made of it.
    """

    cls: type
    node: Mapping
    place: Place
    given: dict[str, Any] = attrs.field(factory=dict)
    inner: dict[str, "Draft"] = attrs.field(factory=dict)
    failed: set[str] = attrs.field(factory=set)
    suspects: set[str] = attrs.field(factory=set)
    defaults: Map[str, Any] = attrs.field(factory=dict)
    value: Any = None

    def as_given(self) -> Given:
        """Return what the map gives, for an entry of a static configuration."""
        inner = {name: draft.as_given() for name, draft in self.inner.items()}
        return Given({**self.given, **{name: given for name, given in inner.items() if given.values}})


def empty_map(node: Node, keys: Map[str, str] = MappingProxyType({})) -> Mapping:
    """Return the map that stands for an absent one; problems with it are problems with what it would stand in."""
    pairs = [Pair(Scalar(name, 0, 0), Scalar(text, 0, 0)) for name, text in keys.items()]
    return Mapping(pairs, node.line, node.column)
