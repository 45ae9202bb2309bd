"""Log files that somebody moved away: whoever holds one is told to open it anew."""

from collections.abc import Callable

from mesh.params import Param


class Reopening:
    """Who is to be told, in the order in which they came. The mutable state is the list; any of them may leave it."""

    __slots__ = ("_reopen",)

    def __init__(self) -> None:
        self._reopen: dict[int, Callable[[], None]] = {}

    def add(self, reopen: Callable[[], None]) -> Callable[[], None]:
        """Call `reopen` whenever files are to be opened anew, until the function returned here is called (idempotent)."""
        number = max(self._reopen, default=0) + 1
        self._reopen[number] = reopen

        def remove() -> None:
            self._reopen.pop(number, None)

        return remove

    def now(self) -> None:
        """Tell everybody."""
        for reopen in list(self._reopen.values()):
            reopen()


REOPENING = Param(Reopening(), "reopening")
"""Tells holders of log files to open them anew; the default one is never asked to."""
