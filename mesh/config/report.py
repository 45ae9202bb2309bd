"""What is found while a stack file is read: problems, warnings, and where each value comes from."""

from typing import Any, Final

from mesh.config.nodes import Mapping, Node, Origin, Pair, Scalar, one_line
from mesh.config.places import Place
from mesh.config.scalars import MismatchError
from mesh.config.within import place_within
from mesh.errors import NameSyntaxError, Problem

_CONTEXT = 60  # how much of a line is shown on each side of a character

FAILED: Final = object()
"""Instead of a value: it could not be read, and a problem says why."""


class Report:
    """Collects what is found in one file. All of its lists grow while the file is read, and only then.

    `planned` holds what is right but not built yet. `made` holds every value of a config class, with the path of its key.
    """

    def __init__(self, file: str, source: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self.planned: list[Problem] = []
        self.warnings: list[Problem] = []
        self.origins: dict[str, Origin] = {}
        self.made: list[tuple[str, Any]] = []
        self._source = source

    def remember(self, place: Place, at: Scalar | Node, node: Node) -> None:
        """Note that the value of `place` stands at `at`; a default stands nowhere."""
        if at.line:
            self.origins[place.key] = Origin(at.line, at.column, node)

    def problem(self, at: Node, place: Place, message: str, expected: str = "", nearest: str = "") -> None:
        """Add a problem with what stands at `at`."""
        self.problems.append(self._describe(at, place, message, expected, nearest))

    def mismatch(self, at: Node, place: Place, error: MismatchError) -> None:
        """Add what a reader of single values has to say."""
        self.problem(at, place, error.message, error.expected, error.nearest)

    def syntax(self, at: Scalar, place: Place, error: NameSyntaxError) -> None:
        """Add a problem with one character of a text; of a long text only the line is shown."""
        line, column = place_within(self._source, at, error.position)
        found = str(error).partition(" at '")[0].replace("'\n'", "end of line")
        before = error.text[: error.position].rpartition("\n")[2][-_CONTEXT:]
        after = error.text[error.position :].partition("\n")[0]
        shown = f"{before}[{after[:1]}]{after[1:_CONTEXT]}"
        self.problems.append(Problem(f"{found} at '{shown}'", self.file, line, column, place.key))

    def not_built(self, at: Node, place: Place, what: str) -> None:
        """Add something that is known but not built, unless it stands inside of such a thing."""
        if not place.planned:
            self.planned.append(self._describe(at, place, f"{what} is known but not built yet", "", ""))

    def warn(self, key: str, message: str, expected: str = "") -> None:
        """Add a warning about the value of `key`, or about what it stands in if it is a default."""
        line, column = self.origin(key)
        self.warnings.append(Problem(message, self.file, line, column, key, expected))

    def warn_within(self, key: str, line: int, column: int, message: str, expected: str) -> None:
        """Add a warning about a place in the text that is the value of `key`, by the text's own lines and columns."""
        node = self.origins[key].node
        assert isinstance(node, Scalar)  # noqa: S101  whoever read the text knows that it is one
        starts = [0, *(number + 1 for number, char in enumerate(node.text) if char == "\n")]
        at = place_within(self._source, node, starts[line - 1] + column - 1)
        self.warnings.append(Problem(message, self.file, *at, key, expected))

    def blame(self, key: str, message: str, expected: str = "") -> None:
        """Add a problem with the value of `key`, or with what it stands in if it is a default."""
        line, column = self.origin(key)
        self.problems.append(Problem(message, self.file, line, column, key, expected))

    def origin(self, key: str) -> tuple[int, int]:
        """Return the line and column of a key, or of the nearest one around it that the file has; else (0, 0)."""
        while key:
            if key in self.origins:
                return self.origins[key].line, self.origins[key].column
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return 0, 0

    def _describe(self, at: Node, place: Place, message: str, expected: str, nearest: str) -> Problem:
        return Problem(one_line(message), self.file, at.line, at.column, place.key, expected, one_line(nearest))


def index_of(node: Mapping) -> dict[str, Pair]:
    """Return the keys of a map by name."""
    return {pair.key.text: pair for pair in node.pairs}
