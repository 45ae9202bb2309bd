"""How much a pool of sessions may hold, and what the pools of one client have done."""

import math
from collections.abc import Callable

import attrs

from mesh.params import Param
from mesh.reachability import ReachCounts
from mesh.traffic import Traffic

UNLIMITED = 2**31 - 1  # linkerd's "no limit"


@attrs.frozen
class PoolLimits:
    """How many sessions a pool keeps; counts are per endpoint. The defaults are linkerd's.

    With `fail_fast`, calls that need a new connection to an endpoint that is known to be down fail at once.
    `max_connections` and `max_pending` bound all pools of a client together: their connections, and the calls that wait
    for one, while it is being opened too. `idle_seconds` is for sessions above `min_size`, `session_idle_seconds` for any,
    and `session_life_seconds` is the age at which one takes no further call. `calls_per_session` is how many calls at a time
    the first session is expected to take; later ones, as many as the one opened last.
    """

    min_size: int = 0
    max_size: int = UNLIMITED
    idle_seconds: float = math.inf
    max_waiters: int = UNLIMITED
    fail_fast: bool = False
    max_connections: int = UNLIMITED
    max_pending: int = UNLIMITED
    session_idle_seconds: float = math.inf
    session_life_seconds: float = math.inf
    calls_per_session: int = 1


@attrs.define(eq=False)
class PoolStats:
    """What the pools of one client have done, added up; whoever owns it shows it as metrics.

    `size` counts open sessions, `opening` those that are being opened, `cached` the free ones, `waiters` the calls that
    wait in a queue, `pending` all that wait for a session; the rest only grow. `connected` and `failed` are called with
    the milliseconds that an attempt took, `acquired` with those that a call waited for its session, if it did. `traffic` is
    what goes over the connections.
    """

    size: int = 0
    opening: int = 0
    cached: int = 0
    waiters: int = 0
    pending: int = 0
    waited: int = 0
    too_many_waiters: int = 0
    connections_overflow: int = 0
    pending_overflow: int = 0
    expired_idle: int = 0
    expired_lifetime: int = 0
    connects: int = 0
    connected: Callable[[float], None] = lambda _ms: None
    acquired: Callable[[float], None] = lambda _ms: None
    failed: Callable[[float], None] = lambda _ms: None
    reach: ReachCounts = attrs.field(factory=ReachCounts)
    traffic: Traffic = attrs.field(factory=Traffic)


POOL_LIMITS = Param(PoolLimits(), "pool limits")
POOL_STATS = Param(PoolStats(), "pool stats")
