"""From the key that names a kind to the kind."""

import pathlib
from typing import Any

import attrs

from mesh.config.imports import import_filter
from mesh.config.nodes import Mapping, Pair, Scalar, show
from mesh.config.places import Place, routers_of
from mesh.config.report import FAILED, Report
from mesh.config.scalars import MismatchError, read_truth
from mesh.config.shape import fields
from mesh.keys import Category, Key, Kind
from mesh.plugins import Kinds

_EXPERIMENTAL = (
    "The {} {} is experimental and must be explicitly enabled by setting the `experimental' parameter to `true'{}."
)


@attrs.frozen
class Choice:
    """A kind that was chosen. `ready` is what its config shall be, None if that is read from the map.

    `line` is where it was chosen, 0 for a default.
    """

    kind: Kind
    ready: Any = None
    line: int = 0


class Chooser:
    """Finds kinds by the names that a stack file has for them."""

    def __init__(self, kinds: Kinds, folder: pathlib.Path, report: Report) -> None:
        self.kinds = kinds
        self._folder = folder
        self._report = report

    def choose(
        self, node: Mapping, index: dict[str, Pair], category: Category, name: str, place: Place
    ) -> Choice | Any:
        """Return the kind that the key `name` of a map chooses, None if the map has no such key.

        Returns `FAILED` after reporting that the name cannot be used.
        """
        pair = index.get(name)
        if pair is None or (isinstance(pair.value, Scalar) and pair.value.is_null):
            return None
        at = place.child(name)
        self._report.remember(at, pair.key, pair.value)
        if not isinstance(pair.value, Scalar):
            self._report.problem(pair.value, at, f"{show(pair.value)} found", f"the name of {category.with_article}")
            return FAILED
        try:
            choice = self._find(pair.value, category, place, node.line)
        except MismatchError as error:
            self._report.mismatch(pair.value, at, error)
            return FAILED
        if not self._is_enabled(pair.value, choice.kind, index, place, at):
            return FAILED
        if not choice.kind.built:
            self._report.not_built(pair.value, at, f"`{choice.kind.name}`")
        return choice

    def default(self, node: Mapping, category: Category, name: str, place: Place) -> Choice | Any:
        """Return the kind that is used when a file chooses none, or `FAILED` after reporting that it is missing."""
        kind = self.kinds.get(category, name)
        if kind is None:
            self._report.problem(node, place, f"the default {category} {name} is not installed", self._failures())
            return FAILED
        return Choice(kind)

    def require(self, node: Mapping, category: Category, name: str, place: Place) -> None:
        """Report that a map must choose a kind and does not."""
        known = self.kinds.names(category, place.protocol_name, built=True)
        expected = f"one of {', '.join(known)}" if len(known) <= 8 else ""
        self._report.problem(node, place.child(name), "is required", expected)

    def _find(self, scalar: Scalar, category: Category, place: Place, line: int) -> Choice:
        name, protocol = scalar.text, place.protocol_name
        kind, ready = self.kinds.get(category, name), None
        if kind is None and category is Category.FILTER and ":" in name:
            kind, ready = import_filter(name, self._folder)
        if kind is None:
            nearest = self.kinds.nearest(category, name, protocol)
            few = category is Category.PROTOCOL  # `http2` is nearer to `http` than to `h2`, so that all are told
            expected = self._expected(category, protocol) if few or not nearest else ""
            raise MismatchError(f"there is no {category} {name}", expected, nearest)
        if not place.serves(kind.protocols):
            others = "" if category is Category.FILTER else self._expected(category, protocol)
            raise MismatchError(
                f"`{kind.name}` is not for the protocol {protocol}", others or f"it in {routers_of(kind.protocols)}"
            )
        if kind.config is not None:
            try:
                fields(kind.config)
            except Exception as error:  # an annotation is a stranger's code
                raise MismatchError(
                    f"the class of `{kind.name}` has an annotation that cannot be read: {error}", ""
                ) from error
        return Choice(kind, ready, line)

    def _is_enabled(self, scalar: Scalar, kind: Kind, index: dict[str, Pair], place: Place, at: Place) -> bool:
        """Whether a kind is no experiment, or one that the file asks for."""
        pair = index.get("experimental")
        try:
            asked = pair is not None and read_truth(pair.value, Key())
        except MismatchError as error:
            self._report.mismatch(pair.value if pair else scalar, place.child("experimental"), error)
            return False
        if kind.experimental and not asked:
            where = " on each router" if kind.category is Category.PROTOCOL else ""
            self._report.problem(scalar, at, _EXPERIMENTAL.format(kind.name, kind.category, where))
            return False
        return True

    def _expected(self, category: Category, protocol: str) -> str:
        if category is Category.FILTER:
            return "a kind or `module:name`"
        known = self.kinds.names(category, protocol, built=True)
        listed = f"one of {', '.join(known)}" if 0 < len(known) <= 8 else ""
        failures = self._failures()
        return f"{listed} ({failures})" if listed and failures else listed or failures

    def _failures(self) -> str:
        plugins = ", ".join(failure.plugin for failure in self.kinds.failures)
        return f"plugins that could not be loaded: {plugins}" if plugins else ""
