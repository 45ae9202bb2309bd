"""Loading a stack file."""

import hashlib
import pathlib
import sys
from collections.abc import Mapping as Map

import attrs

from mesh.config.checks import check
from mesh.config.choosing import Chooser
from mesh.config.effective import complete
from mesh.config.nodes import Mapping, Origin, Scalar
from mesh.config.places import Place
from mesh.config.report import FAILED, Report
from mesh.config.structure import Reader
from mesh.config.tree import line_and_column, read_tree
from mesh.config.within import place_within
from mesh.errors import ConfigError, Problem
from mesh.plugins import Kinds
from mesh.settings.stackfile import StackFile

MAX_BYTES = 8 * 1024 * 1024  # a dtab of 100,000 rules is 5 MB; `/dev/zero` ends here
STDIN = "-"


@attrs.frozen(eq=False)
class Loaded:
    """A stack file that is right: its values, what may better not be as it is, and where each value comes from."""

    stack: StackFile
    warnings: tuple[Problem, ...]
    file: str
    _origins: Map[str, Origin]
    _source: str

    @property
    def source(self) -> str:
        """The file's text."""
        return self._source

    @property
    def digest(self) -> str:
        """The SHA-256 of the file's text, in hex: two configurations of the same text have the same."""
        return hashlib.sha256(self._source.encode()).hexdigest()

    def origin(self, key: str) -> tuple[int, int]:
        """Return the line and column, from 1, of the key at a path such as `routers[0].servers[0].port`.

        A value that the file does not give, a default, is at (0, 0).
        """
        found = self._origins.get(key)
        return (found.line, found.column) if found is not None else (0, 0)

    def place_within(self, key: str, line: int, column: int) -> tuple[int, int]:
        """Return the line and column in the file of a place in the text of a key, such as that of one rule of a dtab.

        A text that the file does not give is at (0, 0).
        """
        found = self._origins.get(key)
        if found is None or not isinstance(found.node, Scalar):
            return 0, 0
        starts = [0, *(number + 1 for number, char in enumerate(found.node.text) if char == "\n")]
        return place_within(self._source, found.node, starts[line - 1] + column - 1)


def read_file(path: str, kinds: Kinds, *, allow_planned: bool = False) -> Loaded:
    """Load the file at `path`, standard input if that is `-`. Raises and warns as `read_text` does."""
    name = "<stdin>" if path == STDIN else path
    data = _read_bytes(path, name)
    if len(data) > MAX_BYTES:
        raise ConfigError(Problem(f"is larger than {MAX_BYTES} bytes", name))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode()
        line, column = line_and_column(before, len(before))
        raise ConfigError(Problem(f"is not UTF-8: the byte 0x{data[error.start]:02x}", name, line, column)) from None
    folder = pathlib.Path() if path == STDIN else pathlib.Path(path).parent
    return read_text(text, file=name, kinds=kinds, folder=folder, allow_planned=allow_planned)


def read_text(
    text: str, *, file: str, kinds: Kinds, folder: pathlib.Path | str = "", allow_planned: bool = False
) -> Loaded:
    """Load a stack file from its text.

    `folder` is where modules of filters are looked for. Raises `ConfigError` with every problem of the file, in order.
    What is known but not built yet is such a problem; `allow_planned` makes it a warning, for looking at files.
    """
    node, problems = read_tree(text, file)
    report = Report(file, text)
    report.problems += problems
    stack = FAILED
    if node is None or (isinstance(node, Scalar) and node.is_null):
        report.problems.append(Problem("the file is empty", file, 1, 1, expected="a map with the key `routers`"))
    else:
        stack = Reader(Chooser(kinds, pathlib.Path(folder), report), report).read(node, StackFile, Place())
    if isinstance(node, Mapping):
        check(report)
    (report.warnings if allow_planned else report.problems).extend(report.planned)
    if report.problems or not isinstance(stack, StackFile):
        raise ConfigError(*sorted(report.problems, key=_order))
    return Loaded(complete(stack), tuple(sorted(report.warnings, key=_order)), file, report.origins, text)


def _read_bytes(path: str, name: str) -> bytes:
    if path == STDIN:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    try:
        with open(path, "rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(Problem("there is no such file", name)) from None
    except IsADirectoryError:
        raise ConfigError(Problem("is a directory", name, expected="a file")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ConfigError(Problem(f"cannot be read: {reason}", name)) from None


def _order(problem: Problem) -> tuple[int, int]:
    return problem.line, problem.column
