"""Where in a stack file a place inside one of its texts is."""

import re
from itertools import islice

from mesh.config.nodes import Scalar
from mesh.config.tree import line_and_column

_INK = re.compile(r"\S")


def place_within(source: str, scalar: Scalar, position: int) -> tuple[int, int]:
    """Return the line and column in `source` of the character at `position` of the text that `scalar` holds.

    YAML indents, folds and cuts texts, but keeps what is not blank in order, so those characters are counted. Only
    escapes inside quotes shift the result, by as many columns as they are longer than what they stand for.
    """
    start = scalar.index
    if scalar.style in ("|", ">"):
        start = source.find("\n", start) + 1
    elif scalar.style:
        start += 1
    before = len(_INK.findall(scalar.text, 0, position))
    on_ink = position < len(scalar.text) and not scalar.text[position].isspace()
    wanted = before if on_ink else before - 1
    found = next(islice(_INK.finditer(source, start), wanted, None), None) if wanted >= 0 else None
    if found is None:
        return line_and_column(source, start)
    return line_and_column(source, found.start() if on_ink else found.end())
