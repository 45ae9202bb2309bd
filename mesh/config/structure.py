"""From nodes to values: the readers of single values, of maps and of sections, put together."""

from typing import Any, get_args, get_origin

from mesh.config.choosing import Chooser
from mesh.config.leaves import LeafReader
from mesh.config.maps import MapReader
from mesh.config.nodes import Mapping, Node
from mesh.config.places import Place
from mesh.config.report import FAILED, Report
from mesh.config.scalars import mismatch
from mesh.config.sections import SectionReader
from mesh.keys import Chosen, Key
from mesh.settings.prefixes import PerPrefix


class Reader:
    """Reads the nodes of one file."""

    def __init__(self, chooser: Chooser, report: Report) -> None:
        self._report = report
        self._leaves = LeafReader(report, self._read_map)
        self._maps = MapReader(chooser, report, self._leaves)
        self._sections = SectionReader(report, self._leaves, self._maps)

    def read(self, node: Node, annotation: Any, place: Place) -> Any:
        """Return the value of a node, or `FAILED`; the report says why, and what else was found."""
        return self._leaves.read(node, annotation, Key(), place)

    def _read_map(self, node: Node, annotation: Any, key: Key, place: Place) -> Any:
        if not isinstance(node, Mapping):
            what = f" with the `kind` of {key.category.with_article}" if annotation is Chosen and key.category else ""
            self._report.mismatch(node, place, mismatch(node, key, f"a map{what}"))
            return FAILED
        if annotation is Chosen:
            return self._maps.read_chosen(node, key, place)
        if get_origin(annotation) is PerPrefix:
            return self._sections.read(node, get_args(annotation)[0], place)
        return self._maps.make(self._maps.draft(node, annotation, place))
