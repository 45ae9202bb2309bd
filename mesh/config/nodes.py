"""The parts of a stack file, as written: texts, lists and maps, each with its place. Lines and columns start at 1."""

import attrs


@attrs.define(eq=False)
class Scalar:
    """A text. `style` is its quotation mark, `|` or `>` for a block, empty for a plain one; `index` is its offset."""

    text: str
    line: int
    column: int
    style: str = ""
    index: int = 0

    @property
    def is_null(self) -> bool:
        """Whether it says that there is no value."""
        return not self.style and self.text in ("", "~", "null", "Null", "NULL")


@attrs.define(eq=False)
class Sequence:
    """A list."""

    items: list["Node"]
    line: int
    column: int


@attrs.frozen(eq=False)
class Pair:
    """A key of a map and its value."""

    key: Scalar
    value: "Node"


@attrs.define(eq=False)
class Mapping:
    """A map; no two of its keys are the same text."""

    pairs: list[Pair]
    line: int
    column: int


Node = Scalar | Sequence | Mapping


@attrs.frozen
class Origin:
    """Where a value comes from: the place of its key (of itself, in a list), and the value as written."""

    line: int
    column: int
    node: Node


def one_line(text: str) -> str:
    """Return `text` without line ends, so that a message stays one line."""
    return " ".join(text.splitlines())


def show(node: Node) -> str:
    """Return, in a few words, what stands there."""
    match node:
        case Scalar() if node.is_null:
            return "nothing"
        case Scalar(text=text):
            short = text if len(text) <= 40 else text[:39] + "…"
            return f"the text {short!r}" if node.style else one_line(short)
        case Sequence(items=items):
            return "a list" if items else "an empty list"
        case Mapping():
            return "a map"
