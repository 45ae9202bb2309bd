"""How long the connections of a listener's clients may last, and be idle."""

import math

import attrs

from mesh import Counter, Limits, Metrics, ServerSettings


@attrs.frozen
class Ages:
    """How old connections may become, and how many were closed for that.

    `idle` counts those of which nothing was asked for too long, `lifetime` those that were `life_seconds` old.
    Source of the counters' names: finagle-core, service/ExpiringService.scala.
    """

    life_seconds: float = math.inf
    idle: Counter = attrs.field(factory=Counter)
    lifetime: Counter = attrs.field(factory=Counter)

    def count_end(self, now: float, idle_until: float, expires: float) -> None:
        """Count a connection that ends, if it does so because it `expires`, or was to be idle until then and no longer."""
        if now >= expires:
            self.lifetime.value += 1
        elif now >= idle_until:
            self.idle.value += 1


def ages_of(listener: ServerSettings, scope: Metrics) -> Ages:
    """Return the ages of a listener's connections, whose metrics are in `scope`."""
    life = (listener.server_session.life_time_ms or math.inf) / 1e3
    return Ages(life, scope.counter("idle"), scope.counter("lifetime"))


def aged(limits: Limits, listener: ServerSettings) -> Limits:
    """Return the limits with the idle time of a listener's connections, if that is shorter."""
    idle = (listener.server_session.idle_time_ms or math.inf) / 1e3
    return attrs.evolve(limits, idle_timeout_s=idle) if idle < limits.idle_timeout_s else limits
