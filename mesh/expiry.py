"""When a request has taken too long: the earliest of its timeouts and its deadline, as it travels with the request.

Nothing watches an expiry. Whoever waits for the endpoint bounds that wait by it (a session, with the deadline of its
connection, which costs nothing), and whoever waits for anything else does so with `within`, which costs a cancel scope, but
only for requests that have an expiry at all.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import trio

from mesh.errors import TimedOut

T = TypeVar("T")


class Expiry:
    """A moment (trio's clock) after which a request fails with `error`; immutable.

    It holds until the head of the reply has come. `beyond` is what holds from then on, to the last byte: the request's
    deadline, or None. A deadline is its own: it stays in force.
    """

    __slots__ = ("_error", "_message", "at", "beyond")

    def __init__(
        self, at: float, error: type[TimedOut], message: str, before: "Expiry | None" = None, *, stays: bool = False
    ) -> None:
        """Take `before`, the expiry the request had so far, for its deadline; with `stays` this one is the deadline."""
        self.at = at
        self._error = error
        self._message = message
        self.beyond: Expiry | None = self if stays else None if before is None else before.beyond

    def error(self) -> TimedOut:
        """Return the error to raise when the moment has come."""
        return self._error(self._message)


def sooner(one: Expiry | None, other: Expiry) -> Expiry:
    """Return whichever comes first; the same moment is the first one's."""
    return other if one is None or other.at < one.at else one


async def within(expiry: Expiry | None, wait: Callable[[], Awaitable[T]]) -> T:
    """Await `wait()`, but not beyond `expiry`: then raise its error. Without one, just await."""
    if expiry is None:
        return await wait()
    with trio.move_on_at(expiry.at):
        return await wait()
    raise expiry.error()
