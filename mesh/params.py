"""Typed settings that are handed down a stack while it is built."""

from typing import Any, Generic, TypeVar

import attrs

T = TypeVar("T")


@attrs.frozen(eq=False)
class Param(Generic[T]):
    """A key of `Params`, with the value it has when nobody set one. Each `Param` is its own key."""

    default: T
    name: str = ""


class Params:
    """An immutable map from `Param` to value; reading one that was never put gives its default."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[Param[Any], Any] | None = None) -> None:
        self._values: dict[Param[Any], Any] = {} if values is None else values

    def __getitem__(self, param: Param[T]) -> T:
        value: T = self._values.get(param, param.default)
        return value

    def put(self, param: Param[T], value: T) -> "Params":
        """Return these params with one more value; these stay as they are."""
        return Params({**self._values, param: value})
