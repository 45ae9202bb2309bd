"""Writing Markdown."""

from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what stands in a cell is one line."""
    lines = [_row(head), _row(["---"] * len(head)), *map(_row, rows)]
    return "\n".join(lines)


def code(text: object) -> str:
    """Return a text as code."""
    return f"`{text}`"


def first_paragraph(text: str) -> str:
    """Return the first paragraph of a text, as one line."""
    return " ".join(text.strip().partition("\n\n")[0].split())


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Return a text as it may stand in a cell: `|` would end it, and `<` outside of code begins HTML."""
    pieces = text.replace("|", r"\|").split("`")
    return "`".join(piece if number % 2 else piece.replace("<", "&lt;") for number, piece in enumerate(pieces))
