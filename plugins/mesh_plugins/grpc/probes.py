"""Asks an endpoint again and again whether it takes calls, with health checks of gRPC; requests stay away while it does not.

It never refuses a request by itself: keeping away from an endpoint that is not well is the balancer's part.
Source: grpc/grpc, doc/health-checking.md; what a client does with them, grpc/proposal, A17-client-side-health-checking.md.
"""

import logging
import random

import attrs
import trio

from mesh import (
    ENDPOINT,
    HEALTH,
    LIFE,
    AnyService,
    AttemptTimeout,
    Buffered,
    Context,
    Counter,
    Endpoint,
    Expiry,
    Health,
    HttpReply,
    HttpRequest,
    Make,
    MeshError,
    Metrics,
    Module,
    Params,
    Status,
    key,
)
from mesh_plugins.grpc.content import CARRIES_GRPC, CONTENT_TYPE, GRPC, is_grpc
from mesh_plugins.grpc.health import CHECK, MAX_BYTES, Serving, decode_reply, encode_request
from mesh_plugins.grpc.messages import MessageReader, encode
from mesh_plugins.grpc.status import Code, read_status
from mesh_plugins.scopes import client_scope

logger = logging.getLogger(__name__)

WRITER = "grpc health check"
SPREAD = 0.1  # of an interval, by which each is shorter or longer, so that endpoints are not asked all at once


@attrs.frozen(kw_only=True)
class GrpcHealthCheckConfig:
    """Asks each endpoint again and again whether it is healthy, by gRPC's own protocol for that."""

    service: str = key("The service that is asked for; the empty name is the server as a whole.", "")
    interval_ms: int = key("The pause between two checks, in ms, give or take a tenth.", 5000, least=1)
    timeout_ms: int = key("How long an endpoint may take for its answer, in ms.", 1000, least=1)
    unhealthy_threshold: int = key("After so many failed checks in a row an endpoint is avoided.", 2, least=1)
    healthy_threshold: int = key("After so many good checks in a row it is used again.", 1, least=1)


class ProbeCounts:
    """The counters of one client, shared by its endpoints."""

    __slots__ = ("checks", "failures", "removals", "revivals")

    def __init__(self, scope: Metrics) -> None:
        own = scope.scope("health_check")
        self.checks: Counter = own.counter("checks")
        self.failures: Counter = own.counter("failures")
        self.removals: Counter = own.counter("removals")
        self.revivals: Counter = own.counter("revivals")


class Prober:
    """Checks one endpoint. State: how many checks in a row said the other thing, and what is thought of it now."""

    __slots__ = ("_config", "_counts", "_endpoint", "_health", "_is_well", "_others", "_random", "_send")

    def __init__(
        self,
        config: GrpcHealthCheckConfig,
        endpoint: Endpoint,
        health: Health,
        send: AnyService,
        counts: ProbeCounts,
        source: random.Random,
    ) -> None:
        self._config = config
        self._endpoint = endpoint
        self._health = health
        self._send = send
        self._counts = counts
        self._random = source
        self._others = 0
        self._is_well = True

    async def run(self) -> None:
        """Check for ever, beginning at once."""
        while True:
            self._note(await self._complaint())
            await trio.sleep(self._config.interval_ms / 1e3 * self._random.uniform(1 - SPREAD, 1 + SPREAD))

    def _note(self, complaint: str) -> None:
        """Take note of what is wrong with the endpoint; nothing, if it is well."""
        self._counts.checks.value += 1
        if complaint:
            self._counts.failures.value += 1
        if bool(complaint) is not self._is_well:
            self._others = 0
            return
        self._others += 1
        if self._is_well and self._others >= self._config.unhealthy_threshold:
            logger.info("%s is avoided: %s", self._endpoint, complaint)
            self._counts.removals.value += 1
            self._turn(Status.BUSY)
        elif not self._is_well and self._others >= self._config.healthy_threshold:
            logger.info("%s is healthy again", self._endpoint)
            self._counts.revivals.value += 1
            self._turn(Status.OPEN)

    def _turn(self, status: Status) -> None:
        self._others = 0
        self._is_well = status is Status.OPEN
        self._health.say(WRITER, status)

    async def _complaint(self) -> str:
        """Return what is wrong with the endpoint, or nothing."""
        seconds = self._config.timeout_ms / 1e3
        late = f"no answer to a health check within {seconds:g} s"
        try:
            with trio.move_on_after(seconds):
                return await self._check(Expiry(trio.current_time() + seconds, AttemptTimeout, late))
        except MeshError as error:
            return str(error)
        return late

    async def _check(self, expiry: Expiry) -> str:
        reply: HttpReply = await self._send(self._request(expiry))
        try:
            return await _judge(reply)
        finally:
            await reply.aclose()

    def _request(self, expiry: Expiry) -> HttpRequest:
        context = Context(trio.current_time())
        context.endpoint = self._endpoint
        context.expiry = expiry
        headers = [(b"host", str(self._endpoint).encode()), (CONTENT_TYPE, GRPC), (b"user-agent", b"linker")]
        body = Buffered(encode(encode_request(self._config.service)))
        return HttpRequest(b"POST", CHECK, headers, body, context, (2, 0))


async def _judge(reply: HttpReply) -> str:
    """Return what a reply has to complain of. A server that knows no health checks is as healthy as one can tell."""
    reader, messages = MessageReader(MAX_BYTES), []
    if not is_grpc(reply.headers):
        return f"the answer to a health check is no gRPC: HTTP status {reply.status}"
    while piece := await reply.body.receive():
        messages += reader.feed(piece)
    code = read_status([*reply.body.trailers, *reply.headers])
    if code is Code.UNIMPLEMENTED:
        return ""
    if code is not Code.OK:
        return "a health check ended without a status" if code is None else f"a health check ended with {code.name}"
    serving = decode_reply(messages[0].content) if messages else Serving.UNKNOWN
    return "" if serving is Serving.SERVING else f"it says {serving.name}"


def grpc_health_check(config: GrpcHealthCheckConfig) -> Module:
    """Return the module of the kind `io.l5d.grpcHealthCheck`, for the section `endpoint`."""

    def wrap(params: Params, rest: Make) -> AnyService:
        below, life, endpoint = rest(params), params[LIFE], params[ENDPOINT]
        if not params[CARRIES_GRPC]:
            logger.warning("%s is not checked: health checks of gRPC need `client.protocol: h2`", endpoint)
            return below
        prober = Prober(config, endpoint, params[HEALTH], below, ProbeCounts(client_scope(params)), random.Random())
        life.start(f"health checks of {endpoint}", prober.run)
        return below

    return Module(
        "grpc_health_check",
        wrap,
        above=("pool",),
        below=("client_stats", "accrual", "attempt_timeout"),
        why="checks are no requests: nobody counts them, and they go straight to the endpoint",
    )
