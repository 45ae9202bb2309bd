"""The documentation, as the structural tests read it."""

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from tests.structure.source import ROOT

_FENCE = re.compile(r"^(?P<fence>```+|~~~+)(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ ]*$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,6}) +(.*?)\s*#*$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[(?:[^\[\]]|\[[^\[\]]*\])*\]\(([^()\s]+(?:\([^()]*\))?)\)")


@attrs.frozen
class Block:
    """A fenced block: its language, its text, the line it begins on, and what follows it on the page."""

    language: str
    text: str
    line: int
    after: str = attrs.field(repr=False)


@attrs.frozen
class Page:
    """One page in Markdown."""

    path: Path
    text: str

    @property
    def shown(self) -> str:
        """The path from the top of the project."""
        return str(self.path.relative_to(ROOT))

    @property
    def blocks(self) -> list[Block]:
        """Every fenced block."""
        return [
            Block(
                (match["info"].split() or [""])[0],
                match["text"],
                self.text.count("\n", 0, match.start()) + 1,
                self.text[match.end() :],
            )
            for match in _FENCE.finditer(self.text)
        ]

    @property
    def prose(self) -> str:
        """The page without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """The names that links to headings of the page have, as GitHub makes them."""
        seen: dict[str, int] = {}
        found = set()
        for _, title in _HEADING.findall(self.prose):
            name = slug(title)
            number = seen.get(name, 0)
            seen[name] = number + 1
            found.add(f"{name}-{number}" if number else name)
        return found

    def links(self) -> Iterator[str]:
        """Yield the targets of links within the project."""
        for target in _LINK.findall(re.sub(r"`[^`\n]*`", "", self.prose)):
            if not re.match(r"[a-z]+:", target):
                yield target

    def section(self, title: str) -> str:
        """Return what stands under the heading `title`, up to the next heading; empty if there is none."""
        found = re.search(rf"^#+ +{re.escape(title)}\s*\n(.*?)(?=^#|\Z)", self.text, re.MULTILINE | re.DOTALL)
        return found[1].strip() if found else ""


def slug(title: str) -> str:
    """Return the anchor of a heading."""
    plain = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower())
    return plain.strip().replace(" ", "-")


def page(name: str) -> Page:
    """Return a page by its path from the top of the project; an empty one if there is none."""
    path = ROOT / name
    return Page(path, path.read_text() if path.exists() else "")


def pages() -> list[Page]:
    """Return the README and every page below `docs`."""
    return [page("README.md"), *(Page(path, path.read_text()) for path in sorted((ROOT / "docs").rglob("*.md")))]
