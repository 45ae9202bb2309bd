"""Calls of one session that wait for their answers, which come in any order."""

import math

from mesh_plugins.connections.calls import Call, Rep, Req


class Pending(dict[int, Call[Req, Rep]]):
    """The calls that wait, by their tags. `due` is when the first of them may have taken too long, or earlier."""

    __slots__ = ("due",)

    def __init__(self) -> None:
        super().__init__()
        self.due = math.inf

    def late(self, now: float) -> list[Call[Req, Rep]]:
        """Return the calls that have taken too long, and find out when the next will have."""
        if now < self.due:
            return []
        late = [call for call in self.values() if call.until <= now]
        self.due = min((call.until for call in self.values() if call.until > now), default=math.inf)
        return late
