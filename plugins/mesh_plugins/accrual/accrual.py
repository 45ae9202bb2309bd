"""Failure accrual: a state machine per endpoint that marks it busy after failures, and lets one request probe it.

It never refuses a request by itself: keeping away from a busy endpoint is the balancer's part, which fails open. What
counts as a failure is the classifier's to say; a reply that is still coming counts when it is closed, as a failure if it broke
off. Source: finagle-core, liveness/FailureAccrualFactory.scala.
"""

from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Protocol

import trio

from mesh import (
    BOUND,
    BREAKERS,
    CLASSIFIER,
    ENDPOINT,
    HEALTH,
    LIFE,
    AnyService,
    Classifier,
    ConnectFailed,
    Counter,
    Health,
    Life,
    Make,
    MeshError,
    Metrics,
    Module,
    Outcome,
    Param,
    Params,
    Reply,
    Request,
    Status,
    bind,
    is_success,
    outcome_at_end,
)
from mesh_plugins.balancers.members import MEMBERS, Members
from mesh_plugins.scopes import client_scope


class Policy(Protocol):
    """Counts one endpoint's successes and failures, and owns the schedule of how long it stays dead."""

    def succeeded(self) -> None:
        """Take note of a success, in any state."""

    def failed(self) -> float | None:
        """Take note of a failure; return for how many seconds the endpoint is dead, or None if it is not."""

    def revived(self) -> None:
        """Forget everything: a probe succeeded."""


class NewPolicy(Protocol):
    """What the factory of an accrual kind returns: a policy for one endpoint, or None for no accrual at all."""

    def __call__(self) -> Policy | None: ...


class State(Enum):
    """Where an endpoint is: `DEAD` for a time, then `PROBING` with the gate open until a request passes and shuts it."""

    ALIVE = "alive"
    DEAD = "dead"
    PROBE_OPEN = "probe open"
    PROBE_CLOSED = "probe closed"


# What every request looks at; looking a member up in its class takes 60 ns.
_ALIVE, _PROBE_OPEN, _PROBE_CLOSED = State.ALIVE, State.PROBE_OPEN, State.PROBE_CLOSED


class AccrualCounts:
    """The counters of one client, shared by its endpoints."""

    __slots__ = ("probes", "removals", "removals_overflow", "removed_for_ms", "revivals")

    def __init__(self, scope: Metrics, *, is_capped: bool = False) -> None:
        accrual = scope.scope("failure_accrual")
        self.removals: Counter = accrual.counter("removals")
        self.revivals: Counter = accrual.counter("revivals")
        self.probes: Counter = accrual.counter("probes")
        self.removed_for_ms: Counter = accrual.counter("removed_for_ms")
        self.removals_overflow: Counter = accrual.counter("removals_overflow") if is_capped else Counter()


def _always() -> bool:
    return True


class Accrual:
    """The filter of one endpoint, and its circuit breaker. State: `state`, and the policy's own; both change between awaits.

    `may_die` is asked before the endpoint is taken out; it is the last to know how many others are.
    """

    __slots__ = (
        "_classifier",
        "_counts",
        "_dead",
        "_health",
        "_life",
        "_may_die",
        "_name",
        "_policy",
        "_unreachable",
        "_until",
        "state",
    )

    def __init__(
        self,
        policy: Policy,
        health: Health,
        life: Life,
        counts: AccrualCounts,
        classifier: Classifier,
        name: str,
        may_die: Callable[[], bool] = _always,
    ) -> None:
        self._policy = policy
        self._health = health
        self._life = life
        self._counts = counts
        self._classifier = classifier
        self._name = name
        self._may_die = may_die
        self._until = 0.0  # of trio's clock, while dead
        self._dead: trio.CancelScope | None = None
        self._unreachable = False  # whether connecting failed when it died, or since
        self.state = State.ALIVE
        health.on_change("connect", self._connected)

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        if self.state is _PROBE_OPEN:
            self._probe()
        try:
            reply: Reply = await service(request)
        except MeshError as error:
            judge = request.context.classifier or self._classifier
            if judge(request, error) is Outcome.IGNORED:
                self._ignored()
            else:
                self._failed(isinstance(error, ConnectFailed))
            raise
        except BaseException:
            self._ignored()
            raise
        if not (reply.outcome or (reply.outcome is None and is_success(request, reply, self._classifier))):
            if reply.outcome is None:
                reply.on_close(lambda: self._ended(request, reply))
            else:
                self._failed()
        elif self.state is not _ALIVE:
            self._succeeded()
        elif reply.whole:  # `_succeeded` without the call
            self._policy.succeeded()
        else:
            body = reply.body  # another one may take its place on the way up
            reply.on_close(lambda: self._failed() if body.broke else self._succeeded())
        return reply

    def _ended(self, request: Request, reply: Reply) -> None:
        """Take note of a reply whose end had to tell what it is; one that was let go before says nothing."""
        outcome = outcome_at_end(request, reply, self._classifier)
        if outcome is None:
            self._ignored()
        elif outcome:
            self._succeeded()
        else:
            self._failed()

    def _probe(self) -> None:
        self.state = State.PROBE_CLOSED
        self._health.say("accrual", Status.BUSY)
        self._counts.probes.value += 1

    def _succeeded(self) -> None:
        if self.state is _PROBE_CLOSED:
            self._counts.revivals.value += 1
            self._policy.revived()
            self._open(State.ALIVE)
        self._policy.succeeded()

    def _ignored(self) -> None:
        if self.state is State.PROBE_CLOSED:
            self._open(State.PROBE_OPEN)

    def _failed(self, unreachable: bool = False) -> None:
        if self.state in (State.DEAD, State.PROBE_OPEN):
            self._unreachable |= unreachable
            return  # the failure of a request that was already under way says nothing new to the policy
        seconds = self._policy.failed()
        if seconds is None:
            if self.state is State.PROBE_CLOSED:
                self._open(State.PROBE_OPEN)
            return
        if not self._may_die():
            self._counts.removals_overflow.value += 1
            self.reset()
            return
        if self.state is State.ALIVE:
            self._counts.removals.value += 1
        self._counts.removed_for_ms.value += int(seconds * 1e3)
        self.state = State.DEAD
        self._unreachable = unreachable
        self._until = until = trio.current_time() + seconds
        self._health.say("accrual", Status.BUSY)
        if not self._life.closed:
            self._dead = self._life.spawn(f"{self._name}: dead", lambda: self._stay_dead(until))

    async def _stay_dead(self, until: float) -> None:
        await trio.sleep_until(until)
        if self.state is State.DEAD and self._until == until:  # else this was cancelled when it had just woken up
            self._open(State.PROBE_OPEN)

    def _connected(self, status: Status) -> None:
        """Let a probe through at once when an endpoint that died unreachable has been connected to again."""
        if status is Status.OPEN and self.state is State.DEAD and self._unreachable:
            if self._dead is not None:
                self._dead.cancel()
            self._open(State.PROBE_OPEN)

    def show(self) -> dict[str, object]:
        """Return the state as JSON: what it is, when a dead endpoint is probed, and what else is wrong with it."""
        shown: dict[str, object] = {"state": self.state.value}
        if self.state is State.DEAD:
            shown["probe_in_ms"] = max(round((self._until - trio.current_time()) * 1e3), 0)
        shown["status"] = self._health.status.name.lower()
        shown["reasons"] = {writer: status.name.lower() for writer, status in self._health.reasons.items()}
        return shown

    def reset(self) -> None:
        """Forget every failure, and let requests through from now on."""
        if self._dead is not None:
            self._dead.cancel()
            self._dead = None
        self._policy.revived()
        self._open(State.ALIVE)

    def _open(self, state: State) -> None:
        self.state = state
        self._health.say("accrual", Status.OPEN)


def accrual(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of an endpoint stack; nothing is added if the policy is `none`."""
    policy = params[NEW_POLICY]()
    below = rest(params)
    if policy is None:
        return below
    most, members, health = params[MAX_EJECTION_PERCENT], params[MEMBERS], params[HEALTH]
    counts = AccrualCounts(client_scope(params), is_capped=most < 100)
    may_die = _always if most >= 100 or members is None else partial(_is_below, most, members, health)
    endpoint, life, bound = params[ENDPOINT], params[LIFE], params[BOUND]
    built = Accrual(policy, health, life, counts, params[CLASSIFIER], str(endpoint), may_die)
    if bound is not None:
        life.on_close(params[BREAKERS].add(bound.id.show(), endpoint, built))
    return bind(built, below)


def _is_below(most_percent: float, members: Members, health: Health) -> bool:
    """Return whether an endpoint may be taken out, or stay out, with the others that are."""
    others = members.says("accrual") - ("accrual" in health.reasons)
    return (others + 1) * 100 <= most_percent * len(members.nodes)


def _none() -> None:
    """Build no policy."""


NEW_POLICY: Param[NewPolicy] = Param(_none, "accrual policy")
MAX_EJECTION_PERCENT = Param(100.0, "max ejection")
"""Of how many percent of a client's endpoints may be dead at a time."""

ACCRUAL = Module(
    "accrual",
    accrual,
    above=("pool",),
    why="it must see the failures of every session with the endpoint, and of getting one",
    section="endpoint",
)
