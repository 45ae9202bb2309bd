"""Requeues: repeats of attempts that the endpoint did not work on, on another endpoint, within a budget.

Repeated are connect failures, refusals (nacks, and failures that say they may be retried), and connections that broke
before the first byte of the reply, the last if the request was safe or idempotent; always only if its body can be sent
again: it is in memory, or it streams and little of it was taken (none, if a reply says that nothing was done: whoever replied
may have read it). Connect failures may go round all endpoints once; attempts that sent bytes are capped. The budget earns
on successes.
Source: finagle-core, service/RequeueFilter.scala; the rules are stricter, see docs/plugins/filters.md.
"""

import math
from collections.abc import Callable

import trio

from mesh import (
    OTHER,
    AnyService,
    Classifier,
    ConnectFailed,
    Context,
    Make,
    MeshError,
    Metrics,
    Module,
    Nacked,
    Param,
    Params,
    Reply,
    Request,
    UpstreamBroken,
    bind,
)
from mesh_plugins.balancers.balancer import ON_BALANCER, Balancer
from mesh_plugins.filters.budget import BudgetLimits, RetryBudget
from mesh_plugins.filters.client_limits import stands
from mesh_plugins.filters.replay import Recording
from mesh_plugins.filters.retries import IS_UNPROCESSED, NEVER_RETRYING
from mesh_plugins.scopes import client_scope

MAX_CONNECTS = 25  # Finagle's bound on attempts to get a connection
MAX_SENT = 3  # attempts of one request that may have sent bytes, whatever the budget holds
KEPT_BYTES = 16384  # of a body that streams, until its reply begins: a frame of HTTP/2, or most calls of gRPC
SHARE_PER_REQUEST = 0.2  # of the budget's balance, that one request may spend. Source: Finagle's maxRequeuesPerReq

REQUEUE_BUDGET = Param(BudgetLimits(), "requeue budget")


def _never(_message: Request | Reply) -> bool:
    return False


REPEATABLE: Param[Callable[[Request], bool]] = Param(_never, "repeatable")
"""Whether a request may be sent again although an endpoint may have begun to work on it; the protocol knows."""
IS_NACK: Param[Callable[[Reply], bool]] = Param(_never, "is nack")
"""Whether a reply says that the endpoint did no work for the request; the protocol knows."""


class Requeues:
    """The filter of one client; its budget is shared by all requests to the bound name."""

    __slots__ = (
        "_balancer",
        "_budget",
        "_exhausted",
        "_is_nack",
        "_is_unprocessed",
        "_limit",
        "_nacks",
        "_never_retrying",
        "_per_request",
        "_repeatable",
        "_requeues",
        "_tells_nacks",
    )

    def __init__(
        self,
        budget: RetryBudget,
        scope: Metrics,
        repeatable: Callable[[Request], bool] = _never,
        is_nack: Callable[[Reply], bool] = _never,
        is_unprocessed: Callable[[Reply], bool] = _never,
        never_retrying: tuple[Classifier, ...] = (),
    ) -> None:
        self._budget = budget
        self._repeatable = repeatable
        self._is_nack = is_nack
        self._tells_nacks = is_nack is not _never
        self._is_unprocessed = is_unprocessed
        self._never_retrying = never_retrying
        self._balancer: Balancer | None = None
        retries = scope.scope("retries")
        self._requeues = retries.counter("requeues")
        self._per_request = retries.histogram("requeues_per_request")  # of those that were repeated
        self._exhausted = retries.counter("budget_exhausted")
        self._limit = retries.counter("request_limit")
        self._nacks = scope.counter("nacks")
        if scope.name != OTHER:
            retries.gauge("budget", fn=lambda: budget.balance)

    def know(self, balancer: Balancer) -> None:
        """Take note of the balancer below, which knows what endpoints there are."""
        self._balancer = balancer

    async def __call__(self, request: Request, service: AnyService, /) -> Reply:
        body = request.body
        recording = None
        if not body.in_memory:
            recording = Recording.of(body, KEPT_BYTES)
            request.body = recording.body()
        try:
            reply: Reply = await service(request)
            if self._tells_nacks and self._is_nack(reply):
                raise await self._nacked(request, reply)
        except MeshError as error:
            if not self._may_repeat(request, recording, error):
                raise
            reply = await self._repeat(request, service, recording, error)
        else:
            if reply.outcome is False and self._is_left_undone(request, recording, reply):
                reply = await self._repeat(request, service, recording, reply)
            else:
                self._budget.deposit()
        if recording is not None and recording.source is body:  # else it is kept for the retries above
            recording.keep_no_more()
        return reply

    def _may_repeat(self, request: Request, recording: Recording | None, error: MeshError) -> bool:
        if recording is not None and recording.overflowed:
            return False
        if isinstance(error, ConnectFailed):
            return True
        if isinstance(error, Nacked):
            return recording is None or recording.is_untouched
        if isinstance(error, UpstreamBroken) and not error.reply_begun:
            return error.retryable or (recording is None and self._repeatable(request))
        return False

    def _is_left_undone(self, request: Request, recording: Recording | None, reply: Reply) -> bool:
        """Return whether a failed reply says that the request was not processed, and nobody above would retry it for that."""
        classifier = request.context.classifier
        if classifier is not None and classifier not in self._never_retrying:
            return False
        return (recording is None or recording.is_untouched) and self._is_unprocessed(reply)

    async def _repeat(
        self, request: Request, service: AnyService, recording: Recording | None, failed: MeshError | Reply
    ) -> Reply:
        context = request.context
        spendable = math.ceil(SHARE_PER_REQUEST * self._budget.balance)
        # What a retry sends again has been to endpoints before: its attempts count on from there.
        connects, sent, repeats = 0, min(context.attempt, MAX_SENT - 1), 0
        try:
            while True:
                if context.endpoint is not None and context.endpoint not in context.tried:
                    context.tried = (*context.tried, context.endpoint)
                if isinstance(failed, ConnectFailed):
                    connects += 1
                else:
                    sent += 1
                if sent >= MAX_SENT or repeats >= spendable or self._went_round(connects, context):
                    self._limit.value += 1
                    break
                if not self._budget.try_withdraw():
                    self._exhausted.value += 1
                    break
                if isinstance(failed, Reply):
                    await failed.aclose()
                repeats += 1
                self._requeues.value += 1
                context.attempt += 1
                if recording is not None:
                    request.body = recording.body()
                before, failed = failed, await self._attempt(request, service)
                if stands(before, failed):
                    failed = before
                    context.attempt -= 1
                    break
                if isinstance(failed, MeshError):
                    if not self._may_repeat(request, recording, failed):
                        break
                elif failed.outcome is not False or not self._is_left_undone(request, recording, failed):
                    self._budget.deposit()
                    break
        finally:
            self._per_request.add(repeats)
        if isinstance(failed, MeshError):
            raise failed
        return failed

    async def _attempt(self, request: Request, service: AnyService) -> MeshError | Reply:
        try:
            reply: Reply = await service(request)
        except MeshError as error:
            return error
        return await self._nacked(request, reply) if self._is_nack(reply) else reply

    async def _nacked(self, request: Request, reply: Reply) -> Nacked:
        self._nacks.value += 1
        await reply.aclose()
        return Nacked(f"{request.context.endpoint} refused the request")

    def _went_round(self, connects: int, context: Context) -> bool:
        """Return whether connecting failed, after as many attempts as there are endpoints, and none is left untried."""
        if self._balancer is None or not connects or connects >= MAX_CONNECTS:
            return connects >= MAX_CONNECTS
        nodes, tried = self._balancer.nodes, context.tried
        return context.attempt + 1 >= len(nodes) and all(endpoint in tried for endpoint in nodes)


def requeues(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Requeues`."""
    budget = RetryBudget(params[REQUEUE_BUDGET], trio.lowlevel.current_clock().current_time)
    filter_ = Requeues(
        budget,
        client_scope(params),
        params[REPEATABLE],
        params[IS_NACK],
        params[IS_UNPROCESSED],
        params[NEVER_RETRYING],
    )
    return bind(filter_, rest(params.put(ON_BALANCER, filter_.know)))


REQUEUES = Module(
    "requeues",
    requeues,
    above=("balancer",),
    below=("binding",),
    why="each repeat is a new pick of the balancer, of the same bound name",
    section="client",
)
