"""A router, its servers, and what it says of services and clients."""

from collections.abc import Iterator
from typing import Any, Literal

import attrs

from mesh.keys import Category, Chosen, key
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.path import Path
from mesh.settings.balancing import BalancerSettings
from mesh.settings.connections import (
    LOOPBACK,
    Address,
    CircuitBreakers,
    HostConnectionPool,
    Limits,
    Session,
    SocketOptions,
)
from mesh.settings.kinds import FilterLists, InterpreterSettings
from mesh.settings.prefixes import PerPrefix
from mesh.settings.reading import by_default, here, merged, part, section
from mesh.settings.repeats import Retries, RetryBudget
from mesh.settings.tls import TlsClient, TlsServer


@attrs.frozen(kw_only=True)
class ServerSettings:
    """One listener. `extra` is what the router's protocol adds."""

    port: int = key(
        "The port; 0 is any free one. By default http 4140, h2 4142, thrift 4114, mux 4141, thriftmux 4144.",
        least=0,
        most=65535,
    )
    ip: Address = key("The address to bind; `0.0.0.0` is every IPv4 interface.", LOOPBACK)
    label: str = key("Its scope among the metrics; by default `<ip>/<port>`.", "")
    profile: Literal["mesh", "edge"] = key(
        "`mesh`: between trusted services; `edge`: for untrusted clients (clears the context, normalises paths, tightens "
        "limits, takes no overrides of requests).",
        "mesh",
    )
    limits: Limits = key("How much is read before it is refused.", factory=Limits)
    max_concurrent_requests: int | None = key(
        "Requests in progress; more are refused at once. Unlimited by default.", None, least=1
    )
    timeout_ms: int | None = key("Longest time for a request, in ms; none by default.", None, least=1)
    allow_half_close: bool = key(
        "Clients may shut down their side before the reply comes; else that cancels the request.", False
    )
    socket_options: SocketOptions = key("How its sockets are set up.", factory=SocketOptions)
    clear_context: bool = key(
        "Drop every `l5d-*` field on the way in and out, and begin new traces; `profile: edge` does so too.", False
    )
    tls: TlsServer | None = key("Serve TLS.", None)
    proxy_protocol: bool = key(
        "Its clients are proxies that say first whom they speak for, in the PROXY protocol (version 1 or 2); others are "
        "refused. Only where nobody else can connect.",
        False,
    )
    announce: tuple[Path, ...] = key("Names under which an announcer publishes the server.", (), built=False)
    server_session: Session = key("How old its connections may become, and how long idle.", factory=Session)
    extra: Any = part("server")


@attrs.frozen(kw_only=True)
class ServiceSettings:
    """What holds for a logical name. `extra` is what the router's protocol adds."""

    total_timeout_ms: int | None = key(
        "Longest time for a request, every attempt included, in ms; none by default.", None, least=1
    )
    retries: Retries = merged("Retries of failures that are called retryable.", Retries)
    response_classifier: Chosen | None = key(
        "What counts as a failure, and which failure may be tried again.", None, category=Category.CLASSIFIER
    )
    extra: Any = part("service")


@attrs.frozen(kw_only=True)
class ClientSettings:
    """What holds for a bound name. `extra` is what the router's protocol adds."""

    host_connection_pool: HostConnectionPool = key("Connections to each endpoint.", factory=HostConnectionPool)
    load_balancer: BalancerSettings = section("What picks an endpoint.")
    failure_accrual: Chosen = by_default(
        "When an endpoint counts as broken, and for how long; by default after 5 failures in a row.",
        Category.ACCRUAL,
        "io.l5d.consecutiveFailures",
        failures="5",
    )
    max_ejection_percent: float = key(
        "Of the client's endpoints, how many percent `failureAccrual` may take out at a time.", 100.0, least=0, most=100
    )
    circuit_breakers: CircuitBreakers = key(
        "Connections and requests at a time, to all endpoints together.", factory=CircuitBreakers
    )
    requeue_budget: RetryBudget = key(
        "How many requests that certainly were not processed are sent again.", factory=RetryBudget
    )
    limits: Limits = key("How much of a reply is read before it is refused.", factory=Limits)
    socket_options: SocketOptions = key("How its sockets are set up.", factory=SocketOptions)
    request_attempt_timeout_ms: int | None = key("Longest time for one attempt, in ms; none by default.", None, least=1)
    tls: TlsClient | None = key("Connect with TLS.", None)
    proxy_protocol: Literal["v1", "v2"] | None = key(
        "Tell endpoints whom a connection is for, in this version of the PROXY protocol; each request then has a connection "
        "of its own. With `tls`, it comes before the handshake.",
        None,
    )
    client_session: Session = key("How old its connections may become, and how long idle.", factory=Session)
    fail_fast: bool = key(
        "After a failed connect nobody waits for one to that endpoint, until one in the background works.", False
    )
    extra: Any = part("client")


@attrs.frozen(kw_only=True)
class BindingCache:
    """How many built stacks are kept; one that is used beyond is built for that request alone."""

    paths: int = key("Logical names.", 1000, least=1)
    trees: int = key("Name trees.", 1000, least=1)
    bounds: int = key(
        "Without effect: the residual travels in the request, and needs no stack of its own.", 1000, least=1
    )
    clients: int = key("Client stacks.", 1000, least=1)
    idle_ttl_secs: int = key("A stack idle for so long is let go, in seconds.", 600, least=1)

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        if self.bounds != 1000:
            yield "bounds", "has no effect: a bound name has one stack, whatever its residual"


@attrs.frozen(kw_only=True)
class RouterSettings:
    """One router. The keys that its protocol adds are `protocol.config`."""

    protocol: Chosen = here("What its servers and clients speak.", Category.PROTOCOL, name="protocol")
    servers: tuple[ServerSettings, ...] = key("Where it listens.")
    label: str = key("Its name in metrics and logs; by default the protocol.", "")
    dtab: Dtab = key("The rules that bind names, the later the stronger.", EMPTY_DTAB)
    dst_prefix: Path = key("What every logical name begins with.", Path((b"svc",)))
    interpreter: InterpreterSettings = section("What binds names.")
    service: PerPrefix[ServiceSettings] = section("What holds for logical names.")
    client: PerPrefix[ClientSettings] = section("What holds for bound names.")
    binding_timeout_ms: int = key("Longest time to bind a name, in ms.", 10000, least=1)
    binding_cache: BindingCache = key("How many stacks are kept.", factory=BindingCache)
    filters: FilterLists = key("Filters to put in or take out.", factory=FilterLists)
    originator: bool = key(
        "Shows, as the gauge `rt/<label>/originator`, that requests enter the mesh here first.", False
    )
    announcers: tuple[Chosen, ...] = key("What publishes servers.", (), category=Category.ANNOUNCER, built=False)
