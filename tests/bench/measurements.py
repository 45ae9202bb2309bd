"""What can be measured of a peer: each measurement starts it afresh and returns the figures of some rows."""

import os
import time
from collections.abc import Callable
from statistics import median

import attrs

from tests.bench import cpu, frames, h2load, handshakes, memory, mux_load, transfer, wrk
from tests.bench.client import request
from tests.bench.errors import ReplyError
from tests.bench.openloop import OpenLoop
from tests.bench.overload import overload
from tests.bench.peers import MUX_NAME, Case, Ground, Peer
from tests.bench.spread import percentile

MIB = 1 << 20
Figures = dict[str, float]  # by the key of the row


@attrs.frozen
class Amounts:
    """How long and how much: seconds, bytes and counts of every measurement."""

    warm_seconds: float = 2
    compile_seconds: float = 60  # the warm-up of what compiles itself as it runs
    wrk_seconds: float = 10
    p99_seconds: float = 30
    cpu_seconds: float = 3
    cpu_repeats: int = 7
    overload_seconds: float = 8  # twice for every service
    settle_seconds: float = 2
    handshake_seconds: float = 5
    large_bytes: int = 1 << 30
    idle_connections: int = 2000
    endpoints: int = 10_000
    starts: int = 3


# Enough to see that everything works; too little to be believed.
QUICK = Amounts(
    warm_seconds=1,
    compile_seconds=5,
    wrk_seconds=2,
    p99_seconds=3,
    cpu_seconds=1,
    cpu_repeats=3,
    overload_seconds=2,
    settle_seconds=0.5,
    handshake_seconds=1,
    large_bytes=1 << 27,
    idle_connections=200,
    starts=1,
)

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999, "longest": 1.0}
RATE = 1000  # requests/s of the p99
CONNECTIONS = 32
CONNECT_SECONDS = 60.0  # how long the case of many endpoints may take to open a connection to each
CONNECTED_SHARE = 0.999


@attrs.frozen
class Bench:
    """The ground that the peers stand on and the amounts they are measured with."""

    ground: Ground
    amounts: Amounts


def measure_wrk(peer: type[Peer], bench: Bench) -> Figures:
    """Return the requests/s of a closed loop, after a warm-up."""
    proxy = peer(bench.ground)
    with proxy.running():
        _warm(proxy, bench)
        result = wrk.run(proxy.url, "web", connections=CONNECTIONS, seconds=bench.amounts.wrk_seconds)
    return {"wrk": result.per_second}


def measure_tls(peer: type[Peer], bench: Bench) -> Figures:
    """Return the requests/s over TLS, of connections that live and of ones that are made for each request."""
    proxy = peer(bench.ground, "tls")
    with proxy.running():
        _warm(proxy, bench)
        result = wrk.run(proxy.url, "web", connections=CONNECTIONS, seconds=bench.amounts.wrk_seconds)
        used = cpu.seconds_used(proxy.pid)
        count, seconds = handshakes.shake_hands(proxy.address, seconds=bench.amounts.handshake_seconds)
        used = cpu.seconds_used(proxy.pid) - used
    return {"tls": result.per_second, "handshakes": count / seconds, "handshake_cpu": used / count * 1e6}


def measure_production(peer: type[Peer], bench: Bench) -> Figures:
    """Return the requests/s of a closed loop with what production switches on, and the processor time of a request.

    Then the same of a linker that has it all, and of peers that have none of it.
    """
    rate, used = _with_cost(peer(bench.ground, "production"), bench)
    plain_rate, plain_used = (rate, used) if peer.name == "linker" else _with_cost(peer(bench.ground), bench)
    figures = {"production": rate, "production_cpu": used}
    return figures | {"production_plain": plain_rate, "production_plain_cpu": plain_used}


def _with_cost(proxy: Peer, bench: Bench) -> tuple[float, float]:
    """Return the requests/s of a closed loop, after a warm-up, and the µs of processor time that a request took."""
    with proxy.running():
        _warm(proxy, bench)
        used = cpu.seconds_used(proxy.pid)
        result = wrk.run(proxy.url, "web", connections=CONNECTIONS, seconds=bench.amounts.wrk_seconds)
        used = cpu.seconds_used(proxy.pid) - used
    return result.per_second, used / result.requests * 1e6


def measure_thrift(peer: type[Peer], bench: Bench) -> Figures:
    """Return the calls/s of a closed loop of Thrift, after a warm-up, and the processor time of a call."""
    proxy = peer(bench.ground, "thrift")
    with proxy.running():
        frames.load(proxy.address, connections=CONNECTIONS, seconds=bench.amounts.warm_seconds)
        used, seconds = cpu.seconds_used(proxy.pid), bench.amounts.wrk_seconds
        rate = frames.load(proxy.address, connections=CONNECTIONS, seconds=seconds)
        used = cpu.seconds_used(proxy.pid) - used
    return {"thrift": rate, "thrift_cpu": used / (rate * seconds) * 1e6}


def measure_p99(peer: type[Peer], bench: Bench) -> Figures:
    """Return the 99th percentile of the latencies of an open loop, after a warm-up."""
    proxy = peer(bench.ground)
    with proxy.running():
        for seconds in (bench.amounts.warm_seconds, bench.amounts.p99_seconds):
            outcome = OpenLoop(proxy.address, request("web"), rate=RATE, seconds=seconds).run()
    if outcome.unanswered or outcome.broken or list(outcome.latencies) != [200]:
        raise ReplyError(f"{outcome.unanswered} unanswered, {outcome.broken} broken, {outcome.in_time} by status")
    figures = {key: outcome.latency(share) * 1e3 for key, share in SHARES.items()}
    return figures | {"lateness": percentile(sorted(outcome.lateness), 0.99) * 1e3}


def measure_transfer(peer: type[Peer], bench: Bench) -> Figures:
    """Return the speed of a large reply and of a large upload, and the memory that they took."""
    size = bench.amounts.large_bytes
    transfer.read_ahead(bench.ground.large)
    proxy = peer(bench.ground)
    with proxy.running(), memory.growth_kib(proxy.pid) as growth:
        reply = transfer.download(proxy.address, size)
        upload = transfer.upload(proxy.address, bench.ground.large, size)
    return {"reply": reply / MIB, "upload": upload / MIB, "growth": growth[0] / 1024}


def measure_memory(peer: type[Peer], bench: Bench) -> Figures:
    """Return the resident memory after the start and what an idle connection adds."""
    amounts = bench.amounts
    proxy = peer(bench.ground)
    with proxy.running():
        time.sleep(amounts.settle_seconds)
        idle = memory.resident_kib(proxy.pid)
        connection = memory.per_connection_kib(
            proxy.pid, proxy.address, count=amounts.idle_connections, settle_seconds=amounts.settle_seconds
        )
    return {"idle": idle / 1024, "connection": connection}


def measure_start(peer: type[Peer], bench: Bench) -> Figures:
    """Return the median time from the start to the first routed request."""
    seconds = []
    for _ in range(bench.amounts.starts):
        proxy = peer(bench.ground)
        try:
            proxy.start()
            seconds.append(proxy.ready())
        finally:
            proxy.stop()
    return {"start": median(seconds)}


def measure_filters(peer: type[Peer], bench: Bench) -> Figures:
    """Return what ten pass-through filters add to the processor time of a request."""
    return {"filters": _excess(peer, "filters", bench, lambda proxy: _warm(proxy, bench))}


def measure_names(peer: type[Peer], bench: Bench) -> Figures:
    """Return what many dentries and endpoints add to the processor time of a request, once all are connected."""
    return {"names": _excess(peer, "names", bench, lambda proxy: _connect_all(proxy, bench))}


def measure_h2(peer: type[Peer], bench: Bench) -> Figures:
    """Return the requests/s and gRPC calls/s of a closed loop over HTTP/2, after a warm-up, and a large reply's speed."""
    amounts = bench.amounts
    proxy = peer(bench.ground, "h2")
    url = f"{proxy.url}reply"
    call = bench.ground.directory / "reply.grpc"  # the call has the same message as its reply
    with proxy.running():
        h2load.run(url, "h2", seconds=amounts.warm_seconds)
        costs = []
        for asked, message in ((url, None), (f"{url}.grpc", call)):
            used = cpu.seconds_used(proxy.pid)
            result = h2load.run(asked, "h2", seconds=amounts.wrk_seconds, message=message)
            costs.append((result.good / result.seconds, (cpu.seconds_used(proxy.pid) - used) / result.good * 1e6))
        transfer.read_ahead(bench.ground.large)
        with memory.growth_kib(proxy.pid) as growth:
            seconds = h2load.fetch(f"{proxy.url}large", "h2")
    (h2, h2_cpu), (grpc, grpc_cpu) = costs
    figures = {"h2": h2, "h2_cpu": h2_cpu, "grpc": grpc, "grpc_cpu": grpc_cpu}
    return figures | {"h2_reply": amounts.large_bytes / seconds / MIB, "h2_growth": growth[0] / 1024}


def measure_mux(peer: type[Peer], bench: Bench) -> Figures:
    """Return the calls/s of a closed loop over Mux, after a warm-up, the processor time of a call, and the memory then."""
    amounts = bench.amounts
    proxy = peer(bench.ground, "mux")
    with proxy.running():
        warm_seconds = amounts.compile_seconds if peer.compiles else amounts.warm_seconds
        mux_load.load(proxy.address, MUX_NAME, seconds=warm_seconds)
        used = cpu.seconds_used(proxy.pid)
        count, seconds = mux_load.load(proxy.address, MUX_NAME, seconds=amounts.wrk_seconds)
        used = cpu.seconds_used(proxy.pid) - used
        resident = memory.resident_kib(proxy.pid)
    return {"mux": count / seconds, "mux_cpu": used / count * 1e6, "mux_memory": resident / 1024}


def measure_overload(peer: type[Peer], bench: Bench) -> Figures:
    """Return goodput and refusals at twice the ceiling, of the proxy's processor and of a slow service."""
    proxy = peer(bench.ground, "limited")
    with proxy.running():
        _warm(proxy, bench)
        fast = overload(proxy, "web", seconds=bench.amounts.overload_seconds)
        slow = overload(proxy, "slow", seconds=bench.amounts.overload_seconds)
    return {
        "ceiling": fast.ceiling,
        "goodput": fast.goodput_percent,
        "refusal": fast.refusal_ms,
        "slow_ceiling": slow.ceiling,
        "slow_goodput": slow.goodput_percent,
        "slow_refusal": slow.refusal_ms,
    }


@attrs.frozen
class Measurement:
    """A measurement and the peers that it makes sense for."""

    measure: Callable[[type[Peer], Bench], Figures]
    peers: frozenset[str]


_PROXIES = frozenset({"linker", "envoy", "haproxy"})
MEASUREMENTS = {
    "wrk": Measurement(measure_wrk, _PROXIES | {"direct"}),
    "tls": Measurement(measure_tls, frozenset({"linker", "envoy"})),
    "production": Measurement(measure_production, frozenset({"linker", "envoy"})),
    "thrift": Measurement(measure_thrift, frozenset({"linker", "envoy"})),
    "p99": Measurement(measure_p99, _PROXIES | {"direct"}),
    "transfer": Measurement(measure_transfer, _PROXIES),
    "memory": Measurement(measure_memory, _PROXIES),
    "start": Measurement(measure_start, _PROXIES),
    "filters": Measurement(measure_filters, frozenset({"linker"})),
    "names": Measurement(measure_names, frozenset({"linker"})),
    "h2": Measurement(measure_h2, frozenset({"linker", "envoy"})),
    "mux": Measurement(measure_mux, frozenset({"linker", "finagle"})),
    "overload": Measurement(measure_overload, frozenset({"linker", "envoy"})),
}


def _warm(proxy: Peer, bench: Bench) -> None:
    wrk.run(proxy.url, "web", connections=CONNECTIONS, seconds=bench.amounts.warm_seconds)


def _connect_all(proxy: Peer, bench: Bench) -> None:
    """Load until the proxy holds a connection to nearly every endpoint, or for `CONNECT_SECONDS`."""
    wanted = CONNECTED_SHARE * bench.ground.endpoints
    deadline = time.monotonic() + CONNECT_SECONDS
    while time.monotonic() < deadline and len(os.listdir(f"/proc/{proxy.pid}/fd")) < wanted:
        _warm(proxy, bench)


def _excess(peer: type[Peer], case: Case, bench: Bench, warm: Callable[[Peer], None]) -> float:
    small, other = peer(bench.ground), peer(bench.ground, case)
    with small.running(), other.running():
        _warm(small, bench)
        warm(other)
        amounts = bench.amounts
        return cpu.excess_percent(small, other, seconds=amounts.cpu_seconds, repeats=amounts.cpu_repeats)
