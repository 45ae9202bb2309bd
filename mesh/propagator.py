"""How the ids of traces travel in the fields of requests."""

from typing import Protocol

import attrs

from mesh.message import Fields
from mesh.trace import TraceId


@attrs.frozen
class Carried:
    """What the fields of a request say: the caller's span, and whether it is recorded if they say no more than that.

    `headers` are the fields of the request without those that must not travel on as they came.
    """

    headers: Fields
    trace: TraceId | None = None
    sampled: bool | None = None


class Propagator(Protocol):
    """Reads and writes trace ids. `names` are the fields that it reads; `is_wide`: traces begin with an id of 128 bits."""

    @property
    def names(self) -> frozenset[bytes]: ...

    @property
    def is_wide(self) -> bool: ...

    def read(self, headers: Fields) -> Carried:
        """Return what the fields of a request say, one of `names` at least among them; what cannot be read says nothing."""
        ...

    def write(self, trace: TraceId) -> Fields:
        """Return the fields that carry an id to the next hop."""
        ...
