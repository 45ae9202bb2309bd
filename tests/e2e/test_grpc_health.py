"""Health checks of gRPC, with the client and the server of its own library on the other side."""

import pathlib
from collections.abc import Callable

import grpc
import pytest
import trio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from tests.e2e.grpc_peers import backend, client
from tests.plugins.rest import numbers
from tests.proxies import FS, Proxy, disco, one, proxy, stacks
from tests.waiting import until

pytestmark = pytest.mark.slow

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING
CHECKED = {"endpoint": [{"kind": "io.l5d.grpcHealthCheck", "service": "test.Echo", "intervalMs": 20}]}
OWN = {"server": [{"kind": "io.l5d.grpcHealth"}]}


def counts(running: Proxy) -> dict[str, float]:
    return numbers(running.linker.metrics, "rt/h2/client/#/io.l5d.fs/web/health_check")


def serving(servicer: health.HealthServicer) -> Callable[[grpc.Server], object]:
    """Return what adds health checks to a server."""
    add: Callable[[health.HealthServicer, grpc.Server], object] = health_pb2_grpc.add_HealthServicer_to_server
    return lambda server: add(servicer, server)


def servicer(status: int) -> health.HealthServicer:
    made = health.HealthServicer()
    made.set("test.Echo", status)
    return made


async def test_an_endpoint_that_does_not_serve_is_avoided_until_it_does(tmp_path: pathlib.Path) -> None:
    sick, well = servicer(NOT_SERVING), servicer(SERVING)
    async with (
        backend(serving(sick)) as one_,
        backend(serving(well)) as other,
    ):
        namers = disco(tmp_path, web=[one_.port, other.port])
        router = one(FS, protocol="h2", identifier={"kind": "io.l5d.static", "path": "/web"}, filters=CHECKED)
        async with proxy(stacks(router, namers=namers)) as running, client(running.ports[0]) as caller:
            while not counts(running).get("removals"):
                await caller.unary()
            before = len(one_.calls)
            for _call in range(20):
                await caller.unary()
            avoided = len(one_.calls) == before
            sick.set("test.Echo", SERVING)
            await until(lambda: counts(running)["revivals"] == 1)
            while len(one_.calls) == before:
                await caller.unary()

    assert avoided


async def test_an_endpoint_without_health_checks_is_taken_for_healthy() -> None:
    async with (
        backend() as server,
        proxy(stacks(one(server.port, protocol="h2", filters=CHECKED))) as running,
        client(running.ports[0]) as caller,
    ):
        await caller.unary()
        name = f"rt/h2/client/$/inet/127.0.0.1/{server.port}/health_check"
        await until(lambda: numbers(running.linker.metrics, name)["checks"] >= 3)
        found = numbers(running.linker.metrics, name)

    assert (found["failures"], found["removals"]) == (0, 0)


async def test_the_linker_answers_for_itself_until_it_drains() -> None:
    said: list[int] = []
    ended: list[grpc.StatusCode] = []

    def watch(channel: grpc.Channel) -> None:
        try:
            for reply in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
                said.append(reply.status)
        except grpc.RpcError as error:
            ended.append(error.code())

    async with (
        backend() as server,
        proxy(stacks(one(server.port, protocol="h2", filters=OWN))) as running,
        client(running.ports[0]) as caller,
        trio.open_nursery() as nursery,
    ):
        stub = health_pb2_grpc.HealthStub(caller.channel)
        checked = await caller.run(lambda: stub.Check(health_pb2.HealthCheckRequest()).status)
        unknown = await caller.fails(lambda: stub.Check(health_pb2.HealthCheckRequest(service="else")))
        nursery.start_soon(trio.to_thread.run_sync, watch, caller.channel)
        await until(lambda: said == [SERVING])
        passed = await caller.unary(b"to the server")
        await running.linker.drain()

    assert (checked, unknown[0], passed) == (SERVING, "NOT_FOUND", b"to the server")
    assert (said, ended) == ([SERVING, NOT_SERVING], [grpc.StatusCode.UNAVAILABLE])
