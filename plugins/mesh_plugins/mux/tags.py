"""The tags of one session: the smallest that is free is given out first. No I/O. Source: finagle-mux, util/TagMap.scala."""

from heapq import heappop, heappush

from mesh_plugins.mux.wire import FIRST_TAG, LAST_TAG


class Tags:
    """Gives out tags from 2 on. State: those that came back, and the first that was never given out."""

    __slots__ = ("_free", "_next")

    def __init__(self) -> None:
        self._free: list[int] = []
        self._next = FIRST_TAG

    def take(self) -> int:
        """Return a tag that nobody has. Raises `LookupError` if there is none."""
        if self._free:
            return heappop(self._free)
        tag = self._next
        if tag > LAST_TAG:
            raise LookupError("Exhausted tags")
        self._next = tag + 1
        return tag

    def give_back(self, tag: int) -> None:
        """Let a tag be taken again; whoever has it gives it back once."""
        heappush(self._free, tag)
