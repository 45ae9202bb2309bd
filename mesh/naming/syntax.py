"""The scanner that paths, prefixes, name trees, dtabs and path patterns are read with.

It knows tokens only: blanks, labels and weights. Who reads a larger thing drives it by recursive descent; nothing ever
goes back, so reading is linear in the text. Every refusal is worded as Finagle words it:
`WHAT expected but FOUND found at 'before[char]after'`.
Source: finagle-core, NameTreeParsers.scala.
"""

import math
import re
from collections.abc import Callable
from typing import NoReturn, TypeVar

from mesh.errors import NameSyntaxError

T = TypeVar("T")

SHOWABLE = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_:.#$%-")

# Possessive quantifiers (`++`) keep each of these linear: a token that has been matched is never tried again in parts.
# A blank is what Java's `Character.isWhitespace` says it is, so a no-break space is none. A comment ends at `\n` only.
_BLANKS = re.compile(r"(?:[\t-\r\x1c-\x20\u1680\u2000-\u2006\u2008-\u200a\u2028\u2029\u205f\u3000]++|#[^\n]*+)*+")
_LABEL = re.compile(r"(?:[0-9A-Za-z_:.#$%-]++|\\x[0-9A-Fa-f]{2})++")
_NUMBER = re.compile(r"[0-9.]++")
_LABEL_STARTS = SHOWABLE | {"\\"}
_NUMBER_STARTS = frozenset("0123456789.")
_HEX = frozenset("0123456789ABCDEFabcdef")


class Scanner:
    """A cursor over `text`.

    The mutable state is `position`, the offset of the next character, and what `place` has counted so far; the position
    never goes back.
    """

    __slots__ = ("_counted", "_line", "_line_start", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self._counted = 0
        self._line = 1
        self._line_start = 0

    @property
    def at_end(self) -> bool:
        """Whether all of the text has been read."""
        return self.position >= len(self.text)

    @property
    def at_label(self) -> bool:
        """Whether the next character can begin a label."""
        return self.peek() in _LABEL_STARTS

    def peek(self) -> str:
        """Return the next character without taking it, or the empty string at the end."""
        return self.text[self.position : self.position + 1]

    def take(self, char: str) -> bool:
        """Take `char` if it comes next, and say whether it did."""
        if self.text.startswith(char, self.position):
            self.position += 1
            return True
        return False

    def take_match(self, pattern: re.Pattern[str]) -> str:
        """Take the longest text that matches `pattern` here; the empty string when nothing does."""
        match = pattern.match(self.text, self.position)
        if match is None:
            return ""
        self.position = match.end()
        return match[0]

    def expect(self, char: str) -> None:
        """Take `char`, or refuse the text when something else comes next."""
        if not self.take(char):
            self.fail(f"'{char}'")

    def expect_end(self) -> None:
        """Refuse the text unless all of it has been read."""
        if not self.at_end:
            self.fail("end of input")

    def skip_blanks(self) -> None:
        """Take white space and comments, as far as they go."""
        self.take_match(_BLANKS)

    def label(self) -> bytes:
        r"""Take one label, `\xHH` standing for one byte."""
        shown = self.take_match(_LABEL)
        if not shown or self.peek() == "\\":
            self._fail_in_label()
        if "\\" in shown:
            # The pattern lets through no other escape than \xHH, which this codec reads as the character of that number.
            return shown.encode("ascii").decode("unicode_escape").encode("latin-1")
        return shown.encode("ascii")

    def weight(self, default: float) -> float:
        """Take a number and the `*` after it; `default` if no number comes next.

        A weight beyond the range of a float is refused, as nothing can be drawn by it.
        """
        if self.peek() not in _NUMBER_STARTS:
            return default
        start = self.position
        number = self.take_match(_NUMBER)
        if number.count(".") > 1:
            self.position = start + number.index(".", number.index(".") + 1)
            self.fail("number char")
        if number == "." or math.isinf(float(number)):
            self.fail("weight", found=f"'{number}'")
        self.skip_blanks()
        self.expect("*")
        self.skip_blanks()
        return float(number)

    def place(self) -> tuple[int, int]:
        """Return the line and the column of the position, both from 1.

        Each call counts only the lines since the call before, so that asking for every dentry of a dtab stays linear.
        """
        lines = self.text.count("\n", self._counted, self.position)
        if lines:
            self._line += lines
            self._line_start = self.text.rfind("\n", self._counted, self.position) + 1
        self._counted = self.position
        return self._line, self.position - self._line_start + 1

    def fail(self, expected: str, *, found: str = "") -> NoReturn:
        """Refuse the text here. `found` is the next character unless something else is to be named."""
        char = self.peek()
        found = found or (f"'{char}'" if char else "end of input")
        before, after = self.text[: self.position], self.text[self.position + 1 :]
        message = f"{expected} expected but {found} found at '{before}[{char}]{after}'"
        raise NameSyntaxError(message, text=self.text, position=self.position)

    def _fail_in_label(self) -> NoReturn:
        if not self.take("\\"):
            self.fail("label char")
        self.expect("x")
        if self.peek() in _HEX:
            self.position += 1
        self.fail("hex char")


def read_whole(text: str, read: Callable[[Scanner], T]) -> T:
    """Read `text` with `read` and demand that nothing but blanks is left over."""
    scanner = Scanner(text)
    value = read(scanner)
    scanner.skip_blanks()
    scanner.expect_end()
    return value
