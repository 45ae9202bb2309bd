"""Until when an endpoint takes calls, as it says itself (`Tlease`); without a word, for ever. No I/O."""

import math

from mesh import Health, Status
from mesh_plugins.mux.messages import LONGEST_LEASE_MS

LEASE = "lease"  # who says in the health cell that an endpoint is busy


class Lease:
    """The lease of one session, which the endpoint's health cell tells of. State: when it ends, inf if there is none."""

    __slots__ = ("_health", "ends")

    def __init__(self, health: Health) -> None:
        self._health = health
        self.ends = math.inf

    def grant(self, milliseconds: int, now: float) -> None:
        """Let it last so long from now on; not at all, if that is nothing."""
        seconds = min(max(milliseconds, 0), LONGEST_LEASE_MS) / 1e3
        self.ends = now + seconds
        self._health.say(LEASE, Status.OPEN if seconds else Status.BUSY)

    def look(self, now: float) -> float:
        """Say that the endpoint is busy if the lease has run out; return when it will have, inf if it has or never will."""
        if self.ends > now:
            return self.ends
        self._health.say(LEASE, Status.BUSY)
        return math.inf

    def forget(self) -> None:
        """Say no more of it: the session has ended."""
        if self.ends != math.inf:
            self.ends = math.inf
            self._health.say(LEASE, Status.OPEN)
