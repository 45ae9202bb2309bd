"""From text to nodes: YAML 1.1 without its traps, and JSON, which is read as YAML.

Nothing is interpreted here: `no`, `1.2` and `41:40` stay the texts they are until it is known what is expected. No tag is
read, so nothing can be constructed. The parser's events are read in a loop, not by recursion, and are counted: neither
deep nesting nor aliases of aliases cost more than the limits below.
"""

import re
from typing import NoReturn

import attrs
import yaml

from mesh.config.nodes import Mapping, Node, Pair, Scalar, Sequence, one_line
from mesh.errors import ConfigError, Problem

MAX_DEPTH = 50  # maps and lists inside each other; the deepest key of the schema is at 9
MAX_NODES = 100_000  # texts, lists and maps, aliases counted as what they stand for; a file of 1 MiB has about 50,000

_HINTS = {
    "mapping values are not allowed in this context": "the same indent as the key above, or quotes around a text with `: `",
    "did not find expected key": "the same indent as the other keys of the map",
    "did not find expected '-' indicator": "the same indent as the other items of the list",
}

_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


@attrs.define
class _Open:
    """A list or map that has not ended; `key` waits for its value, `first` says where each key stood first."""

    node: Sequence | Mapping
    anchor: str | None
    start: int
    height: int = 1
    key: Scalar | None = None
    first: dict[str, Scalar] = attrs.field(factory=dict)


@attrs.frozen
class _Anchored:
    """What an anchor names, with the nodes in it and their depth; None while it has not ended."""

    node: Node | None
    size: int = 0
    height: int = 0


class _Builder:
    """Takes the parser's events one by one and keeps what they have built so far."""

    def __init__(self, file: str) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self._file = file
        self._open: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        """Take the next event; raise `ConfigError` for what ends the reading."""
        match event:
            case yaml.ScalarEvent():
                self._begin(event)
                node = Scalar(event.value, *_place(event), event.style or "", _index(event))
                self._anchor(event.anchor, _Anchored(node, 1, 0))
                self._put(node, 0, event)
            case yaml.SequenceStartEvent():
                self._begin(event)
                self._enter(Sequence([], *_place(event)), event)
            case yaml.MappingStartEvent():
                self._begin(event)
                self._enter(Mapping([], *_place(event)), event)
            case yaml.CollectionEndEvent():
                ended = self._open.pop()
                self._anchor(ended.anchor, _Anchored(ended.node, self._count - ended.start, ended.height))
                self._put(ended.node, ended.height, event)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._fail(event, "a second document begins here", "one document")

    def _begin(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        self._count += 1
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._fail(event, f"the tag {tag} is not allowed", "a value without a tag")
        if self._count > MAX_NODES:
            self._fail(event, f"the file is too large: more than {MAX_NODES} values, aliases counted in full")

    def _enter(self, node: Sequence | Mapping, event: yaml.CollectionStartEvent) -> None:
        if self._open and isinstance(self._open[-1].node, Mapping) and self._open[-1].key is None:
            self._fail(event, "a map or list cannot be a key", "a text")
        self._check_depth(event, 1)
        self._anchor(event.anchor, _Anchored(None))
        self._open.append(_Open(node, event.anchor, self._count - 1))

    def _alias(self, event: yaml.AliasEvent) -> None:
        found = self._anchors.get(event.anchor or "")
        if found is None:
            self._fail(event, f"there is no anchor &{event.anchor} above this alias")
        if found.node is None:
            self._fail(event, f"the alias *{event.anchor} stands inside what it stands for")
        self._count += found.size
        if self._count > MAX_NODES:
            self._fail(event, f"the file is too large: more than {MAX_NODES} values, aliases counted in full")
        self._check_depth(event, found.height)
        self._put(found.node, found.height, event)

    def _put(self, node: Node, height: int, event: yaml.Event) -> None:
        """Give a finished node to what it stands in."""
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.height = max(parent.height, height + 1)
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is not None:
            if parent.first[parent.key.text] is parent.key:
                parent.node.pairs.append(Pair(parent.key, node))
            parent.key = None
        elif isinstance(node, Scalar):
            self._put_key(parent, node)
        else:
            self._fail(event, "a map or list cannot be a key", "a text")

    def _put_key(self, parent: _Open, key: Scalar) -> None:
        parent.key = key
        first = parent.first.setdefault(key.text, key)
        if key.text == "<<" and not key.style:
            self._fail_at(key, "merge keys (`<<`) are not read", "an alias for a whole value, or the keys repeated")
        if first is not key:
            self.problems.append(
                Problem(
                    f"the key is given twice, first in line {first.line}",
                    self._file,
                    key.line,
                    key.column,
                    self._path(),
                )
            )

    def _path(self) -> str:
        path = ""
        if len(self._open) == MAX_DEPTH:
            return path  # it would fill the screen
        for part in self._open:
            if isinstance(part.node, Sequence):
                path += f"[{len(part.node.items)}]"
            elif part.key is not None:
                path += f".{one_line(part.key.text)}"
        return path.removeprefix(".")

    def _anchor(self, name: str | None, anchored: _Anchored) -> None:
        if name is not None:
            self._anchors[name] = anchored

    def _check_depth(self, event: yaml.Event, more: int) -> None:
        if len(self._open) + more > MAX_DEPTH:
            self._fail(event, f"maps and lists stand more than {MAX_DEPTH} deep inside each other")

    def _fail(self, event: yaml.Event, message: str, expected: str = "") -> NoReturn:
        raise ConfigError(Problem(message, self._file, *_place(event), self._path(), expected))

    def _fail_at(self, key: Scalar, message: str, expected: str) -> NoReturn:
        raise ConfigError(Problem(message, self._file, key.line, key.column, self._path(), expected))


def read_tree(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Return the document in `text`, None if there is none, and the keys that are given twice.

    Raises `ConfigError` for what is not YAML, and for tags, several documents and what exceeds the limits.
    """
    forbidden = _FORBIDDEN.search(text)
    if forbidden is not None:
        line, column = line_and_column(text, forbidden.start())
        raise ConfigError(Problem(f"the character U+{ord(forbidden[0]):04X} is not allowed", file, line, column))
    builder = _Builder(file)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            builder.take(event)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(_explain(error, text, file)) from None
    return builder.root, builder.problems


def line_and_column(text: str, index: int) -> tuple[int, int]:
    """Return the line and the column, both from 1, of an offset."""
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


def _place(event: yaml.Event) -> tuple[int, int]:
    assert event.start_mark is not None  # noqa: S101  the parsers always set it
    return event.start_mark.line + 1, event.start_mark.column + 1


def _index(event: yaml.Event) -> int:
    assert event.start_mark is not None  # noqa: S101  the parsers always set it
    return event.start_mark.index


def _explain(error: yaml.MarkedYAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    kind = "JSON" if text.lstrip().startswith("{") else "YAML"
    context = _context(error, mark)
    message = f"not valid {kind}: {error.problem or 'it cannot be read'}{context}"
    if mark is None:
        return Problem(message, file)
    is_tab = text[mark.index : mark.index + 1] == "\t"
    hint = "blanks: a tab cannot indent" if is_tab else _HINTS.get(error.problem or "", "")
    return Problem(message, file, mark.line + 1, mark.column + 1, expected=hint)


def _context(error: yaml.MarkedYAMLError, mark: yaml.Mark | None) -> str:
    """Return what was being read, and the line where that began if it is another one."""
    if not error.context:
        return ""
    began = error.context_mark
    line = f" that begins in line {began.line + 1}" if began is not None and mark and began.line != mark.line else ""
    return f" {error.context}{line}"
