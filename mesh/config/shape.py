"""What a config class expects of a map: its fields, their keys and types."""

import functools
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Literal, Union

import attrs

from mesh.keys import Key, describe
from mesh.settings.reading import DEFAULT_KEYS, PART, Reading, reading


@attrs.frozen
class Field:
    """One field: `argument` is its name in `__init__`, `part` the part of a protocol that fills it.

    `default_keys` are those of its default kind.
    """

    name: str
    argument: str
    key: Key
    type: Any
    reading: Reading
    part: str
    default: Any
    default_keys: Mapping[str, str]

    @property
    def is_required(self) -> bool:
        return self.default is attrs.NOTHING

    def make_default(self) -> Any:
        """Return the default; `attrs.NOTHING` if there is none, or if it depends on the instance."""
        if isinstance(self.default, attrs.Factory):  # type: ignore[arg-type]  # typeshed has it as a function
            return attrs.NOTHING if self.default.takes_self else self.default.factory()
        return self.default


@functools.cache
def fields(cls: type) -> tuple[Field, ...]:
    """Return the fields of an attrs class that a stack file can give. Raises `NameError` for an unknown annotation."""
    hints = typing.get_type_hints(cls)
    return tuple(
        Field(
            name=field.name,
            argument=typing.cast(str, field.alias),
            key=describe(field),
            type=hints.get(field.name, Any),
            reading=reading(field),
            part=field.metadata.get(PART, ""),
            default=field.default,
            default_keys=field.metadata.get(DEFAULT_KEYS, {}),
        )
        for field in attrs.fields(cls)
        if field.init
    )


def names(field: Field) -> tuple[str, ...]:
    """Return every spelling of a field's key; none for a field that has no key."""
    return () if field.reading is Reading.PART else (field.key.name, *field.key.aliases)


def known_names(classes: Sequence[type]) -> set[str]:
    """Return every key that one of the classes reads."""
    return {name for cls in classes for field in fields(cls) for name in names(field)}


def options(annotation: Any) -> tuple[Any, ...]:
    """Return the types that a value may have, None left out: those of a union, else the type itself."""
    if typing.get_origin(annotation) in (Union, UnionType):
        return tuple(part for part in typing.get_args(annotation) if part is not NoneType)
    return (annotation,)


def item_type(annotation: Any) -> Any:
    """Return the type of a list's items, or None if the type is no list."""
    if typing.get_origin(annotation) in (list, tuple, Sequence):
        return typing.get_args(annotation)[0]
    return Any if annotation in (list, tuple) else None


def value_type(annotation: Any) -> Any:
    """Return the type of a map's values, or None if the type is no map from texts."""
    if typing.get_origin(annotation) in (dict, Mapping):
        return typing.get_args(annotation)[1]
    return Any if annotation is dict else None


def words(annotation: Any) -> dict[str, Any]:
    """Return the words that a `Literal` or an enumeration of texts allows, with what each stands for; else nothing."""
    if typing.get_origin(annotation) is Literal:
        return {str(word): word for word in typing.get_args(annotation)}
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return {str(member.value): member for member in annotation}
    return {}


def key_name(cls: type, name: str) -> str:
    """Return the key of a field as a stack file spells it."""
    return next(field.key.name for field in fields(cls) if field.name == name)
