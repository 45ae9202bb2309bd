"""Every kind of balancer in a running proxy, with endpoints that work, die, and come."""

import itertools
import json
import pathlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
import trio
import trio.testing

from tests.e2e.raw import connected, request
from tests.e2e.stubs import Stub, stub, stubs
from tests.proxies import FS, Proxy, disco, proxy, stack

USERS = itertools.count()  # so many that each endpoint is somebody's, wherever a hash begins
BALANCERS: dict[str, Mapping[str, Any]] = {
    "p2c": {},
    "ewma": {"decayTimeMs": 100},  # or it stays away for seconds from an endpoint that was slow once
    "aperture": {"minAperture": 3},
    "heap": {},
    "roundRobin": {"maxEffort": 5},
    "ringHash": {"httpHeaderName": "x-user"},
    "maglev": {"httpHeaderName": "x-user", "tableSize": 1021},
    "p2c and all else": {
        "kind": "p2c",
        "enableProbation": True,
        "panicThresholdPercent": 10,
        "slowStart": {"windowMs": 1000},
        "locality": {"zone": "a"},
    },
}


async def send(running: Proxy, times: int, user: str = "") -> list[int]:
    """Send requests over one connection, each by another user if none is named; return the statuses."""
    statuses = []
    async with running.connect() as client:
        for _number in range(times):
            await client.send(request("GET", "/", f"x-user: {user or next(USERS)}"))
            statuses.append((await client.reply()).status)
    return statuses


async def state(running: Proxy) -> dict[str, Any]:
    """Return what the admin server shows of the balancer of `web`."""
    async with connected(running.admin_port) as client:
        await client.send(request("GET", "/client_state.json"))
        shown: dict[str, Any] = json.loads((await client.reply()).body)["/#/io.l5d.fs/web"]["balancer"]
        return shown


def text_of(name: str, endpoints: list[Stub], folder: pathlib.Path) -> str:
    keys = {"kind": name, **BALANCERS[name]}
    namers = disco(folder, web=[endpoint.port for endpoint in endpoints])
    return stack(FS, namers=namers, client={"loadBalancer": keys})


@pytest.mark.parametrize("name", BALANCERS)
async def test_all_endpoints_are_used(name: str, tmp_path: pathlib.Path) -> None:
    async with stubs(3) as endpoints, proxy(text_of(name, endpoints, tmp_path)) as running:
        statuses = await send(running, 60)

        assert Counter(statuses) == {200: 60}
        assert all(endpoint.requests for endpoint in endpoints)
        assert sum(one["load"] for one in (await state(running))["endpoints"]) == 0


@pytest.mark.parametrize("name", BALANCERS)
async def test_no_request_is_lost_to_an_endpoint_that_dies(name: str, tmp_path: pathlib.Path) -> None:
    async with stubs(3) as endpoints, proxy(text_of(name, endpoints, tmp_path)) as running:
        await send(running, 20)

        endpoints[0].kill()
        await trio.testing.wait_all_tasks_blocked(0.01)
        statuses = await send(running, 30)
        while await status_of(running, endpoints[0]) != "busy" and len(statuses) < 6000:  # some rules seldom pick it
            statuses += await send(running, 30)

        assert Counter(statuses) == {200: len(statuses)}
        assert await status_of(running, endpoints[0]) == "busy"


async def status_of(running: Proxy, endpoint: Stub) -> str:
    """Return what the balancer shows of an endpoint's health."""
    shown = {one["address"]: one["status"] for one in (await state(running))["endpoints"]}
    found: str = shown[f"127.0.0.1:{endpoint.port}"]
    return found


@pytest.mark.parametrize("name", ["ringHash", "maglev"])
async def test_a_user_has_one_endpoint(name: str, tmp_path: pathlib.Path) -> None:
    async with stubs(3) as endpoints, proxy(text_of(name, endpoints, tmp_path)) as running:
        await send(running, 10, user="joe")

        assert sorted(len(endpoint.requests) for endpoint in endpoints) == [0, 0, 10]


async def test_a_zone_keeps_its_requests_and_lends_when_it_fails(tmp_path: pathlib.Path) -> None:
    async with stub() as near, stub() as far:
        namers = disco(tmp_path)
        (tmp_path / "web").write_text(f"127.0.0.1 {near.port} zone=a\n127.0.0.1 {far.port} zone=b\n")
        keys = {"locality": {"zone": "a"}}
        async with proxy(stack(FS, namers=namers, client={"loadBalancer": keys})) as running:
            await send(running, 10)
            before = (len(near.requests), len(far.requests))

            near.kill()
            await trio.testing.wait_all_tasks_blocked(0.01)
            statuses = await send(running, 10)

            assert before == (10, 0)
            assert Counter(statuses) == {200: 10}
            assert len(far.requests) == 10
