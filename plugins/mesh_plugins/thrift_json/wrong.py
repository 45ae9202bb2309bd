"""What is wrong with a value, and where in the whole it is."""

from collections.abc import Callable, Mapping
from typing import Any

# What `json` reads and writes; what is inside is looked at before it is used.
Json = Any

MOST_NAMES = 20  # that an error lists of what there is
MOST_STEP = 64  # characters of a name or key in a place: whoever sent it knows the rest


class Wrong(Exception):
    """A value is not what its type asks for. `place` is where in the whole: `$.user.age`."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self._steps: list[str] = []

    def inside(self, step: str) -> "Wrong":
        """Note that the value is inside another one, at `step`: `.name`, `[3]`."""
        self._steps.append(step if len(step) <= MOST_STEP else f"{step[:MOST_STEP]}...")
        return self

    @property
    def place(self) -> str:
        return "$" + "".join(reversed(self._steps))


def listed(names: Mapping[str, object]) -> str:
    """Return names as a text, the first of them if there are many."""
    first = list(names)[:MOST_NAMES]
    return ", ".join(first) + (", ..." if len(names) > MOST_NAMES else "") if first else "nothing"


_KINDS: tuple[tuple[type, Callable[[Json], str]], ...] = (
    (bool, lambda value: "true" if value else "false"),
    (int, lambda value: str(value) if abs(value) < 1 << 70 else "a very large number"),
    (float, str),
    (str, lambda _value: "a text"),
    (list, lambda _value: "an array"),
    (dict, lambda _value: "an object"),
)


def shown(value: Json) -> str:
    """Return what a value is, in a few words: values may be secrets, or long."""
    return next((show(value) for kind, show in _KINDS if isinstance(value, kind)), "null")
