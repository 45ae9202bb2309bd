"""How many clients a process has room for: each needs a file descriptor, and one more to reach an endpoint."""

import math
import resource

import attrs

KEPT_BACK = 64  # descriptors for everything else: listeners, files, discovery, the admin server


@attrs.define(eq=False)
class Room:
    """Shared by the listeners of a process: `taken` clients are there, of `most`."""

    most: float = math.inf
    taken: int = 0

    @property
    def is_full(self) -> bool:
        """Whether one more client could leave those that are there without a way to an endpoint."""
        return self.taken >= self.most


def room() -> Room:
    """Return the room that the limit on open files leaves."""
    limit, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Room() if limit == resource.RLIM_INFINITY else Room(max(1, (limit - KEPT_BACK) // 2))


def raise_limit() -> None:
    """Let this process open as many files as its hard limit allows."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
