"""What an engine keeps of a stream while it lives, and the little it remembers of those that are gone."""

from mesh_plugins.http2.engine import StreamOwner

_MAX_REMEMBERED = 1024  # more than are ever open at a time, so that what was on its way when one was reset is known.

NOT_YET = -1


class Stream:
    """A stream that is not over; changed by its engine alone.

    `credit` and `given`: the windows to and from the peer, less what new streams start with, so that a change of that start
    changes all of them at no cost. `unread`: what was received and not yet consumed. `left`: what the content-length still
    lets come, if there is one; `NOT_YET` before the head that a body needs. `grown`: what the window from the peer has
    gained. `answered`: the final head of the reply has passed. `waits`: its owner waits for room in its own window.
    """

    __slots__ = (
        "answered",
        "credit",
        "given",
        "grown",
        "id",
        "interims",
        "left",
        "local_ended",
        "owner",
        "remote_ended",
        "to_head",
        "unread",
        "waits",
    )

    owner: StreamOwner

    def __init__(self, number: int, left: int | None, *, remote_ended: bool, local_ended: bool, to_head: bool) -> None:
        self.id = number
        self.left = left
        self.remote_ended = remote_ended
        self.local_ended = local_ended
        self.to_head = to_head
        self.answered = self.waits = False
        self.credit = self.given = self.grown = self.unread = self.interims = 0


class Closed:
    """Streams that were reset before the peer had ended them: what comes for them later is no fault, or another one.

    The mutable state: the ids, oldest first. What was forgotten because of the bound counts as reset by this side, which is
    the lenient side: the connection goes on.
    """

    __slots__ = ("_by_peer", "_forgotten", "_ids", "_skipped")

    def __init__(self) -> None:
        self._ids: dict[int, None] = {}
        self._by_peer: dict[int, None] = {}
        self._skipped: list[tuple[int, int]] = []
        self._forgotten = 0

    def add(self, number: int, *, by_peer: bool) -> None:
        """Remember a stream that was reset."""
        ids = self._by_peer if by_peer else self._ids
        ids[number] = None
        if len(ids) > _MAX_REMEMBERED:
            oldest = next(iter(ids))
            del ids[oldest]
            self._forgotten = max(self._forgotten, oldest)

    def skip(self, first: int, last: int) -> None:
        """Remember ids that the peer did not use, and so must not use any more."""
        if len(self._skipped) < _MAX_REMEMBERED:
            self._skipped.append((first, last))

    def was_reset_here(self, number: int) -> bool:
        """Return whether frames may still come that the peer sent before it knew."""
        return number in self._ids or (number <= self._forgotten and number not in self._by_peer)

    def was_reset_by_peer(self, number: int) -> bool:
        """Return whether the peer reset the stream, and so must not send for it."""
        return number in self._by_peer

    def was_skipped(self, number: int) -> bool:
        """Return whether the stream never was."""
        return any(first <= number <= last for first, last in self._skipped)
