"""Path patterns: which paths an entry of a stack file is for, and what it captures of them.

Source: linkerd 1.x, finagle/buoyant, PathMatcher.scala.
"""

import re
from collections.abc import Mapping

import attrs

from mesh.naming.path import Path, show_element
from mesh.naming.syntax import Scanner

_NAME = re.compile(r"[0-9A-Za-z.:_-]++")
_CAPTURE = re.compile(r"\{([0-9A-Za-z.:_-]++)\}")


@attrs.frozen
class _Segment:
    """One segment: literals, and between each two of them a capture of that name ("" captures nothing)."""

    literals: tuple[str, ...]
    names: tuple[str, ...]

    def match(self, shown: str) -> list[str] | None:
        """Return what the captures hold if all of `shown` matches.

        Each capture takes as much as it can, the first before the second. That is the rightmost place for each literal,
        so they are looked for from the right, each once: no number of captures makes it go back and try again, as a
        regular expression of several `(.*)` would.
        """
        if not self.names:
            return [] if shown == self.literals[0] else None
        first, *inner, last = self.literals
        start, end = len(first), len(shown) - len(last)
        if start > end or not shown.startswith(first) or not shown.endswith(last):
            return None
        values: list[str] = []
        for literal in reversed(inner):
            at = shown.rfind(literal, start, end)
            if at < 0:
                return None
            values.append(shown[at + len(literal) : end])
            end = at
        values.append(shown[start:end])
        return values[::-1]


_ANY = _Segment(("", ""), ("",))


@attrs.frozen
class PathPattern:
    """A pattern that matches the beginning of a path, segment by segment.

    `*` matches any one segment. `{name}` captures; a segment may hold literal text and several captures, such as
    `{host}.{zone}.com`, each taking as much as it can, even nothing. A segment must match from end to end, where linkerd
    was content to find the pattern somewhere in it (`{host}.com` matched `a.com.evil`).
    """

    text: str
    _segments: tuple[_Segment, ...] = attrs.field(repr=False)

    @classmethod
    def read(cls, text: str) -> "PathPattern":
        """Read a pattern; raise `NameSyntaxError` when it can match no path.

        The slash in front may lack, and one may follow at the end.
        """
        scanner = Scanner(text)
        scanner.take("/")
        segments: list[_Segment] = []
        while not scanner.at_end:
            segments.append(_read_segment(scanner))
            if not scanner.at_end:
                scanner.expect("/")
        return cls(text, tuple(segments))

    def match(self, path: Path) -> dict[str, str] | None:
        """Return the captured texts by name if `path` begins with this pattern, else `None`.

        Captures hold the elements as they are written. Of several captures by one name the last stays.
        """
        if len(path) < len(self._segments):
            return None
        captures: dict[str, str] = {}
        for segment, element in zip(self._segments, path, strict=False):
            values = segment.match(show_element(element))
            if values is None:
                return None
            captures.update(zip(segment.names, values, strict=True))
        captures.pop("", None)
        return captures

    def __str__(self) -> str:
        return self.text


def substitute(template: str, captures: Mapping[str, str]) -> str:
    """Replace each `{name}` in `template` by what was captured under that name; an unknown name stays as it is."""
    return _CAPTURE.sub(lambda match: captures.get(match[1], match[0]), template)


def _read_segment(scanner: Scanner) -> _Segment:
    if scanner.take("*"):
        return _ANY
    if not scanner.at_label and scanner.peek() != "{":
        scanner.fail("label char")
    literals = [_read_literal(scanner)]
    names: list[str] = []
    while scanner.take("{"):
        names.append(scanner.take_match(_NAME) or scanner.fail("capture name"))
        scanner.expect("}")
        literals.append(_read_literal(scanner))
    return _Segment(tuple(literals), tuple(names))


def _read_literal(scanner: Scanner) -> str:
    return show_element(scanner.label()) if scanner.at_label else ""
