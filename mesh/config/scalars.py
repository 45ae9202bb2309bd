"""From a text of a stack file to the value that its key expects.

The expectation decides, never the looks: `no` is a text where a text is expected and false where a truth value is.
"""

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from mesh.config.nodes import Node, Scalar, Sequence, show
from mesh.keys import Key

_WHOLE = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,18})")
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?")
_TRUTH = {
    word: value
    for value, words in ((True, ("true", "yes", "on")), (False, ("false", "no", "off")))
    for lower in words
    for word in (lower, lower.capitalize(), lower.upper())
}


class MismatchError(Exception):
    """A value is not what its key expects; whoever reads the key knows the place."""

    def __init__(self, message: str, expected: str, nearest: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.nearest = nearest


def mismatch(node: Node, key: Key, expected: str) -> MismatchError:
    """Return the error that says what was found, unless that is a secret."""
    return MismatchError("a secret value of another kind found" if key.secret else f"{show(node)} found", expected)


def read_truth(node: Node, key: Key) -> bool:
    """Read true or false, or one of the other words that YAML 1.1 has for them, without quotes."""
    if isinstance(node, Scalar) and not node.style and node.text in _TRUTH:
        return _TRUTH[node.text]
    raise mismatch(node, key, "true or false" + _unquoted(node))


def read_whole(node: Node, key: Key) -> int:
    """Read a decimal number without quotes, fraction or leading zeros."""
    expected = "a whole number" + _bounds(key)
    if not isinstance(node, Scalar) or node.style or not _WHOLE.fullmatch(node.text):
        raise mismatch(node, key, expected + _unquoted(node))
    return int(_bounded(node, key, int(node.text), expected))


def read_number(node: Node, key: Key) -> float:
    """Read a finite number without quotes."""
    expected = "a number" + _bounds(key)
    if not isinstance(node, Scalar) or node.style or not _NUMBER.fullmatch(node.text):
        raise mismatch(node, key, expected + _unquoted(node))
    value = float(node.text)
    if value in (float("inf"), float("-inf")):
        raise mismatch(node, key, expected)
    return _bounded(node, key, value, expected)


def read_plain_text(node: Node, key: Key) -> str:
    """Take a text as it is written; a number or a word such as `no` is a text too."""
    if not isinstance(node, Scalar):
        raise mismatch(node, key, "a text")
    return node.text


def read_choice(node: Node, key: Key, choices: Mapping[str, Any]) -> Any:
    """Read one of a few words and return what it stands for."""
    expected = "one of " + ", ".join(choices)
    if not isinstance(node, Scalar):
        raise mismatch(node, key, expected)
    if node.text not in choices:
        raise MismatchError(f"{show(node)} found", expected, nearest(node.text, choices))
    return choices[node.text]


def read_anything(node: Node) -> Any:
    """Read a value of which nothing is known: what JSON and YAML 1.2 make of it."""
    if isinstance(node, Sequence):
        return [read_anything(item) for item in node.items]
    if not isinstance(node, Scalar):
        return {pair.key.text: read_anything(pair.value) for pair in node.pairs}
    if node.style:
        return node.text
    if node.is_null:
        return None
    if node.text in ("true", "false"):
        return node.text == "true"
    if _WHOLE.fullmatch(node.text):
        return int(node.text)
    return float(node.text) if _NUMBER.fullmatch(node.text) else node.text


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the known name most like `name`, whatever the case, or an empty string if none is."""
    by_lower = {other.lower(): other for other in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), 1)
    return by_lower[found[0]] if found else ""


def _bounds(key: Key) -> str:
    if key.least is not None and key.most is not None:
        return f" from {key.least:.10g} to {key.most:.10g}"
    if key.least is not None:
        return f" of at least {key.least:.10g}"
    return f" of at most {key.most:.10g}" if key.most is not None else ""


def _unquoted(node: Node) -> str:
    return " without quotes" if isinstance(node, Scalar) and node.style else ""


def _bounded(node: Node, key: Key, value: float, expected: str) -> float:
    if (key.least is not None and value < key.least) or (key.most is not None and value > key.most):
        raise mismatch(node, key, expected)
    return value
