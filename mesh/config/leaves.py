"""Reading single values, lists and unions, by the type that is expected."""

import pathlib
from collections.abc import Callable
from typing import Any, get_origin

import attrs

from mesh.config.nodes import Mapping, Node, Scalar, Sequence
from mesh.config.places import Place
from mesh.config.report import FAILED, Report
from mesh.config.scalars import (
    MismatchError,
    mismatch,
    read_anything,
    read_choice,
    read_number,
    read_plain_text,
    read_truth,
    read_whole,
)
from mesh.config.shape import item_type, options, value_type, words
from mesh.errors import NameSyntaxError
from mesh.keys import Chosen, Key
from mesh.settings.prefixes import PerPrefix

ReadMap = Callable[[Node, Any, Key, Place], Any]
"""Reads the map of a config class, of a kind or of settings by prefix; returns `FAILED` after reporting a problem."""

_SIMPLE: dict[Any, Callable[[Node, Key], Any]] = {
    bool: read_truth,
    int: read_whole,
    float: read_number,
    str: read_plain_text,
}


class LeafReader:
    """Reads what is not a config class itself, and leaves those to `read_map`."""

    def __init__(self, report: Report, read_map: ReadMap) -> None:
        self._report = report
        self._read_map = read_map

    def read(self, node: Node, annotation: Any, key: Key, place: Place) -> Any:
        """Return the value of a node as the type expects it, or `FAILED` after reporting the problem."""
        candidates = options(annotation)
        if len(candidates) > 1:
            return self._read_union(node, candidates, key, place)
        annotation = getattr(candidates[0], "__supertype__", candidates[0])
        if annotation in (Any, object):
            return read_anything(node)
        item = item_type(annotation)
        if item is not None:
            return self._read_list(node, annotation, item, key, place)
        inner = value_type(annotation)
        if inner is not None:
            return self._read_dict(node, inner, key, place)
        if _is_map(annotation):
            return self._read_map(node, annotation, key, place)
        try:
            return self._read_text(node, annotation, key, place)
        except MismatchError as error:
            self._report.mismatch(node, place, error)
            return FAILED

    def _read_union(self, node: Node, candidates: tuple[Any, ...], key: Key, place: Place) -> Any:
        """Read as the first type that fits; a text fits everything, so it comes last."""
        expected = []
        for candidate in sorted(candidates, key=lambda candidate: candidate is str):
            is_list = item_type(candidate) is not None
            is_map = _is_map(candidate) or value_type(candidate) is not None
            if isinstance(node, Scalar) and not is_list and not is_map:
                try:
                    return self._read_text(node, candidate, key, place)
                except MismatchError as error:
                    expected.append(error.expected)
            elif (isinstance(node, Sequence) and is_list) or (isinstance(node, Mapping) and is_map):
                return self.read(node, candidate, key, place)
            elif is_list or is_map:
                expected.append("a list" if is_list else "a map")
        self._report.mismatch(node, place, mismatch(node, key, " or ".join(dict.fromkeys(expected)) or "a text"))
        return FAILED

    def _read_list(self, node: Node, annotation: Any, item: Any, key: Key, place: Place) -> Any:
        """Read a list, those of its items that can be read; `FAILED` if there are items, and none can be.

        A list of kinds whose key has a default kind may be written as one map.
        """
        make = tuple if get_origin(annotation) is tuple else list
        if isinstance(node, Mapping) and item is Chosen and key.default_kind:
            value = self.read(node, item, key, place)
            return FAILED if value is FAILED else make([value])
        if not isinstance(node, Sequence):
            self._report.mismatch(node, place, mismatch(node, key, "a list"))
            return FAILED
        values = []
        for number, child in enumerate(node.items):
            at = place.item(number)
            self._report.remember(at, child, child)
            values.append(self.read(child, item, key, at))
        read = [value for value in values if value is not FAILED]
        return make(read) if read or not values else FAILED

    def _read_dict(self, node: Node, inner: Any, key: Key, place: Place) -> Any:
        if not isinstance(node, Mapping):
            self._report.mismatch(node, place, mismatch(node, key, "a map"))
            return FAILED
        values = {}
        for pair in node.pairs:
            at = place.child(pair.key.text)
            self._report.remember(at, pair.key, pair.value)
            values[pair.key.text] = self.read(pair.value, inner, key, at)
        return {name: value for name, value in values.items() if value is not FAILED}

    def _read_text(self, node: Node, annotation: Any, key: Key, place: Place) -> Any:
        """Read one text; raise `MismatchError` if it is not what is expected."""
        if annotation in _SIMPLE:
            return _SIMPLE[annotation](node, key)
        choices = words(annotation)
        if choices:
            return read_choice(node, key, choices)
        text = read_plain_text(node, key)
        if isinstance(annotation, type) and issubclass(annotation, pathlib.PurePath):
            return annotation(text)
        if not callable(getattr(annotation, "read", None)):
            raise MismatchError(f"the type {annotation} of this key cannot be read from a stack file", "")
        try:
            return annotation.read(text)
        except NameSyntaxError as error:
            if isinstance(node, Scalar):
                self._report.syntax(node, place, error)
            return FAILED
        except ValueError as error:
            raise MismatchError(str(error), "") from None


def _is_map(annotation: Any) -> bool:
    """Whether a value of this type is written as a map whose keys are fixed."""
    if annotation is Chosen or get_origin(annotation) is PerPrefix:
        return True
    return isinstance(annotation, type) and attrs.has(annotation) and not hasattr(annotation, "read")
