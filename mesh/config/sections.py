"""Reading the sections `service` and `client`, whose settings may depend on a path."""

from typing import Any

from mesh.config.drafts import empty_map
from mesh.config.leaves import LeafReader
from mesh.config.maps import MapReader
from mesh.config.nodes import Mapping, Node, Scalar, Sequence
from mesh.config.places import Place
from mesh.config.report import FAILED, Report, index_of
from mesh.config.scalars import MismatchError, mismatch, read_choice
from mesh.keys import Key
from mesh.naming.pattern import PathPattern
from mesh.settings.prefixes import Entry, PerPrefix

_GLOBAL, _STATIC = "io.l5d.global", "io.l5d.static"
_KINDS = {name: full for full in (_GLOBAL, _STATIC) for name in (full, full.removeprefix("io.l5d."))}
_ANY_KEY = Key()


class SectionReader:
    """Reads one section after the other; `maps` reads the settings in them, `leaves` the prefixes."""

    def __init__(self, report: Report, leaves: LeafReader, maps: MapReader) -> None:
        self._report = report
        self._leaves = leaves
        self._maps = maps

    def read(self, node: Mapping, cls: type, place: Place) -> Any:
        """Return the `PerPrefix` of a map whose settings `cls` reads, or `FAILED`."""
        kind = self._kind(node, place)
        if kind is FAILED:
            return FAILED
        if kind == _GLOBAL:
            configs = index_of(node).get("configs")
            if configs is not None:
                self._report.problem(configs.key, place.child("configs"), f"needs `kind: {_STATIC}` beside it")
            value = self._maps.make(self._maps.draft(node, cls, place, also=("kind", "configs")))
            return FAILED if value is FAILED else PerPrefix(value)
        self._maps.report_unknown(node, {"kind", "configs"}, place)
        default = self._maps.make(self._maps.draft(empty_map(node), cls, place))
        pair = index_of(node).get("configs")
        at = place.child("configs")
        if pair is None or not isinstance(pair.value, Sequence):
            self._report.problem(
                pair.value if pair else node, at, "is required", "a list of maps, each with a `prefix`"
            )
            return FAILED
        self._report.remember(at, pair.key, pair.value)
        entries = [self._read_entry(item, cls, at.item(number)) for number, item in enumerate(pair.value.items)]
        if default is FAILED:
            return FAILED
        return PerPrefix(default, tuple(entry for entry in entries if entry is not FAILED))

    def _kind(self, node: Mapping, place: Place) -> Any:
        pair = index_of(node).get("kind")
        if pair is None or (isinstance(pair.value, Scalar) and pair.value.is_null):
            return _GLOBAL
        self._report.remember(place.child("kind"), pair.key, pair.value)
        try:
            return read_choice(pair.value, _ANY_KEY, _KINDS)
        except MismatchError as error:
            error.expected = f"{_GLOBAL} or {_STATIC}"
            self._report.mismatch(pair.value, place.child("kind"), error)
            return FAILED

    def _read_entry(self, node: Node, cls: type, place: Place) -> Any:
        self._report.remember(place, node, node)
        if not isinstance(node, Mapping):
            self._report.mismatch(node, place, mismatch(node, _ANY_KEY, "a map"))
            return FAILED
        draft = self._maps.draft(node, cls, place, also=("prefix",))
        pair = index_of(node).get("prefix")
        at = place.child("prefix")
        if pair is None:
            if "prefix" not in draft.suspects:
                self._report.problem(node, at, "is required", "the beginning of a path, such as /#/io.l5d.fs/{service}")
            return FAILED
        self._report.remember(at, pair.key, pair.value)
        prefix = self._leaves.read(pair.value, PathPattern, _ANY_KEY, at)
        value = self._maps.make(draft)
        return FAILED if prefix is FAILED or value is FAILED else Entry(prefix, draft.as_given())
