"""What a stack file may ask for besides its protocol, in routers of Thrift, Mux and ThriftMux: it works, or it is refused."""

import pathlib
from typing import Any

import attrs
import pytest
import trio
import trio.testing

from tests.plugins.every_protocol import (
    GOOD,
    PROTOCOLS,
    REFUSED,
    Behave,
    Bench,
    bad,
    bench,
    first_bad,
    first_hangs,
    first_nacks,
    good,
    hangs,
    text,
)
from tests.stackfiles import loaded, problems

BY_METHOD = {"responseClassifier": {"kind": "io.l5d.thrift.applicationExceptions", "retryableMethods": ["get"]}}
THRIFT = ("thrift", "thriftmux")
IN_MUX = ("mux", "thriftmux")


@attrs.frozen(kw_only=True)
class Asked:
    """What a stack file asks for, how endpoints behave, and what becomes of calls.

    `told` is how each call ended, `GOOD` or a part of the reason; `counted` are ends of the names of metrics, added up. Calls
    follow each other after a pause, or, `beside` one that hangs, there is one more. `ports` are those of the endpoints.
    """

    keys: dict[str, Any]
    told: tuple[str, ...] = (GOOD,)
    counted: dict[str, float] = attrs.field(factory=dict)
    behave: Behave = good
    beside: bool = False
    ports: tuple[int, ...] = (1,)
    dead: tuple[int, ...] = ()
    protocols: tuple[str, ...] = PROTOCOLS
    pause: float = 0.0


def filtered(section: str, **entry: Any) -> dict[str, Any]:
    return {"filters": {section: [entry]}}


def balanced(kind: str, algorithm: str, **keys: Any) -> Asked:
    """Return what a balancer is asked."""
    client = {"loadBalancer": {"kind": kind, **keys}}
    return Asked(
        keys={"client": client},
        told=(GOOD,) * 4,
        counted={f"algorithm/{algorithm}": 1, "server/127.0.0.1/0/success": 4},
        ports=(1, 2),
    )


ASKED = {
    "maxConcurrentRequests": Asked(
        keys={"server": {"maxConcurrentRequests": 1}},
        told=(REFUSED,),
        counted={"failures/Overloaded": 1},
        behave=first_hangs,
        beside=True,
    ),
    "timeoutMs": Asked(
        keys={"server": {"timeoutMs": 100}},
        told=("exceeded 0.1 s, waiting in the endpoint",),
        counted={"server/127.0.0.1/0/failures/ServerTimeout": 1},
        behave=hangs,
    ),
    "totalTimeoutMs": Asked(
        keys={"service": {"totalTimeoutMs": 100}},
        told=("including retries",),
        counted={"server/127.0.0.1/0/failures/TotalTimeout": 1},
        behave=hangs,
    ),
    "requestAttemptTimeoutMs": Asked(
        keys={"client": {"requestAttemptTimeoutMs": 100}},
        told=("excluding retries",),
        counted={"web/failures/AttemptTimeout": 1},
        behave=hangs,
    ),
    "retries after timeouts": Asked(
        keys={"client": {"requestAttemptTimeoutMs": 100}, "service": BY_METHOD},
        counted={"retries/total": 1},
        behave=first_hangs,
        ports=(1, 2),
        protocols=THRIFT,
    ),
    "retries after exceptions": Asked(
        keys={"service": BY_METHOD}, counted={"retries/total": 1}, behave=first_bad, ports=(1, 2), protocols=THRIFT
    ),
    "requeues after refusals": Asked(
        keys={}, counted={"web/nacks": 1, "retries/requeues": 1}, behave=first_nacks, ports=(1, 2), protocols=IN_MUX
    ),
    "requeues after failed connects": Asked(keys={}, told=(GOOD,) * 4, ports=(1, 2), dead=(1,)),
    "failFast": Asked(
        keys={"client": {"failFast": True, "loadBalancer": {"kind": "roundRobin"}}},
        told=(GOOD,) * 4,
        counted={"failfast/is_marked_dead": 1},
        ports=(1, 2),
        dead=(1,),
    ),
    "failureAccrual": Asked(
        keys={"client": {"failureAccrual": {"kind": "io.l5d.consecutiveFailures", "failures": 2}}},
        told=("bad",) * 3,
        counted={"failure_accrual/removals": 1},
        behave=bad,
    ),
    "successRate": Asked(
        keys={"client": {"failureAccrual": {"kind": "io.l5d.successRate", "successRate": 0.9, "requests": 2}}},
        told=("bad",) * 3,
        counted={"failure_accrual/removals": 1},
        behave=bad,
    ),
    "failures by name": Asked(
        keys={},
        told=("bad",) * 2,
        counted={"failures/TApplicationException/INTERNAL_ERROR": 6},  # of the server, the name and the client
        behave=bad,
        protocols=("thrift",),
    ),
    "failures by name, of Mux": Asked(
        keys={},
        told=("bad",) * 2,
        counted={"failures/ServerApplicationError": 6},  # of the server, the name and the client
        behave=bad,
        protocols=IN_MUX,
    ),
    "circuitBreakers": Asked(
        keys={"client": {"circuitBreakers": {"maxRequests": 1}}},
        told=(REFUSED,),
        behave=first_hangs,
        beside=True,
    ),
    "hostConnectionPool": Asked(
        keys={"client": {"hostConnectionPool": {"maxSize": 1, "maxWaiters": 0}}},
        told=(REFUSED,),
        behave=first_hangs,
        beside=True,
        protocols=("thrift",),
    ),
    "hostConnectionPool, shared": Asked(
        keys={"client": {"hostConnectionPool": {"maxSize": 1, "maxWaiters": 0}}},
        behave=first_hangs,
        beside=True,
        protocols=IN_MUX,
    ),
    "clientSession": Asked(
        keys={"client": {"clientSession": {"lifeTimeMs": 1000}}},
        told=(GOOD,) * 3,
        counted={"web/connects": 3, "expired/lifetime": 3},
        pause=2.0,
    ),
    "p2c": balanced("p2c", "p2c_least_loaded"),
    "ewma": balanced("ewma", "p2c_peak_ewma"),
    "aperture": balanced("aperture", "aperture_least_loaded"),
    "heap": balanced("heap", "heap_least_loaded"),
    "roundRobin": balanced("roundRobin", "round_robin"),
    "ringHash": balanced("ringHash", "ring_hash", useSourceIp=True),
    "maglev": balanced("maglev", "maglev", useSourceIp=True),
    "io.l5d.rateLimit": Asked(
        keys=filtered("server", kind="io.l5d.rateLimit", requests=1, seconds=60),
        told=(GOOD, "more than 1 requests in 60 s"),
        counted={"rate_limit/refused": 1},
    ),
    "io.l5d.rateLimit, by client": Asked(
        keys=filtered("server", kind="io.l5d.rateLimit", requests=1, seconds=60, by="client"),
        told=(GOOD, "from this client"),
    ),
    "io.l5d.rateLimit, by name": Asked(
        keys=filtered("service", kind="io.l5d.rateLimit", requests=1, seconds=60, by="name", showAlways=True),
        told=(GOOD, "for this name"),
    ),
    "io.l5d.concurrencyLimit": Asked(
        keys=filtered("endpoint", kind="io.l5d.concurrencyLimit", requests=1),
        told=(REFUSED,),
        counted={"concurrency_limit/refused": 1},
        behave=first_hangs,
        beside=True,
    ),
    "io.l5d.hedge": Asked(
        keys={"service": BY_METHOD, **filtered("client", kind="io.l5d.hedge", delayMs=50)},
        counted={"backups/backups_won": 1},
        behave=first_hangs,
        ports=(1, 2),
        protocols=THRIFT,
    ),
}


@pytest.mark.parametrize(
    ("protocol", "name"), [(protocol, name) for name, asked in ASKED.items() for protocol in asked.protocols]
)
async def test_it_works(
    protocol: str, name: str, tmp_path: pathlib.Path, autojump_clock: trio.testing.MockClock
) -> None:
    asked = ASKED[name]
    (tmp_path / "web").write_text("".join(f"127.0.0.1 {port}\n" for port in asked.ports))

    async with bench(protocol, asked.behave, dead=asked.dead, folder=tmp_path, dstPrefix="/svc", **asked.keys) as made:
        if asked.beside:
            made.nursery.start_soon(made.call)
            await trio.testing.wait_all_tasks_blocked()
        told = [await called(made, asked.pause) for _ in asked.told]
        counted = {name: total(made, name) for name in asked.counted}

    assert [part if part in answer else answer for part, answer in zip(asked.told, told, strict=True)] == list(
        asked.told
    )
    assert counted == asked.counted


async def called(made: Bench, pause: float) -> str:
    told = await made.call()
    await trio.sleep(pause)
    return told


def total(made: Bench, name: str) -> float:
    """Return the sum of the metrics whose names end so."""
    return sum(value for key, value in made.numbers().items() if key.endswith(f"/{name}") or key == name)


OF_HTTP = "expected it in a router of the protocol http or h2 or grpc"
H2_AND_HTTP = "expected it in a router of the protocol h2 or grpc or http"


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (filtered("server", kind="io.l5d.grpcWeb"), H2_AND_HTTP),
        (filtered("server", kind="io.l5d.grpcStats"), H2_AND_HTTP),
        (filtered("server", kind="io.l5d.grpcHealth"), H2_AND_HTTP),
        (
            filtered("endpoint", kind="io.l5d.grpcHealthCheck"),
            H2_AND_HTTP,
        ),
        (
            filtered("endpoint", kind="io.l5d.thriftJson", idl="x.thrift"),
            "expected it in a router of the protocol http or h2",
        ),
        (filtered("server", kind="io.l5d.rateLimit", requests=1, by="header", header="x-key"), OF_HTTP),
        ({"client": {"loadBalancer": {"kind": "ringHash", "httpHeaderName": "x"}}}, OF_HTTP),
        ({"client": {"loadBalancer": {"kind": "maglev", "httpCookieName": "x"}}}, OF_HTTP),
        ({"service": {"responseClassifier": {"kind": "io.l5d.http.retryableRead5XX"}}}, "is not for the protocol"),
        ({"client": {"forwardClientCert": True}}, "unknown key"),
        ({"server": {"addForwardedHeader": {}}}, "unknown key"),
        ({"httpAccessLog": "/dev/null"}, "unknown key"),
        ({"tracePropagator": {"kind": "io.l5d.zipkin"}}, "unknown key"),
    ],
)
def test_it_is_refused(protocol: str, keys: dict[str, Any], expected: str) -> None:
    found = problems(text(protocol, **keys))

    assert len(found) == 1, found
    assert expected in found[0]


def test_hedging_needs_to_know_what_may_be_made_twice() -> None:
    (found,) = problems(text("mux", **filtered("client", kind="io.l5d.hedge")))

    assert "`io.l5d.hedge` is not for the protocol mux; expected it in a router of the protocol http or h2" in found


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [
        ("thrift", ["h2_max_empty_frames", "mux_max_pending"]),
        ("mux", ["h2_max_empty_frames", "thrift_max_depth"]),
        ("thriftmux", ["h2_max_empty_frames"]),
        ("tcp", ["h2_max_empty_frames", "mux_max_pending", "thrift_max_depth"]),
        ("http", ["mux_max_pending", "thrift_max_depth"]),
    ],
)
def test_limits_of_other_protocols_are_told_to_have_no_effect(protocol: str, expected: list[str]) -> None:
    limits = {"h2_max_empty_frames": 2, "idle_timeout_s": 5, "mux_max_pending": 9, "thrift_max_depth": 9}

    warnings = loaded(text(protocol, server={"limits": limits, "timeoutMs": 100})).warnings

    vain = f"has no effect in a router of the protocol {protocol}"
    assert [(warning.key, warning.message) for warning in warnings if "limits" in warning.key] == [
        (f"routers[0].servers[0].limits.{name}", vain) for name in expected
    ]
