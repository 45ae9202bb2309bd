"""What may be left over when nothing goes on any more: levels, loads, connections, tasks."""

import json
from typing import Any

import trio

from tests.e2e.raw import connected, request
from tests.e2e.stubs import Stub
from tests.proxies import Proxy

LEVELS = (  # gauges of what is in progress
    "/pending",
    "/load",
    "/request_concurrency",
    "/pool_waiters",
    "/tunnels",
    "circuit_breakers/requests",
    "circuit_breakers/retries",
    "circuit_breakers/pending_requests",
)
OF_REQUESTS = {"request body", "hedged attempt", "closing what was replaced"}  # tasks that end with what they are for


def unfinished() -> set[str]:
    """Return the names of the tasks that there are for requests and reloads."""
    root = trio.lowlevel.current_root_task()
    found, left = set[str](), [root] if root else []
    while left:
        task = left.pop()
        found.add(task.name)
        left += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return found & OF_REQUESTS


async def left_over(running: Proxy, endpoints: list[Stub]) -> dict[str, float]:
    """Return what is not as it is when nothing goes on: levels, loads, connections that one side alone knows of."""
    metrics: dict[str, float] = await page(running, "/admin/metrics.json")
    left = {name: value for name, value in metrics.items() if value and name.endswith(LEVELS)}
    for name, client in (await page(running, "/client_state.json")).items():
        left |= {f"{name} {one['address']}": one["load"] for one in client["balancer"]["endpoints"] if one["load"]}
    known = sum(value for name, value in metrics.items() if name.endswith("/pool_size"))
    there = sum(not connection.ended for endpoint in endpoints for connection in endpoint.connections)
    return left if known == there else {**left, "connections of pools": known, "of endpoints": there}


async def page(running: Proxy, target: str) -> Any:
    async with connected(running.admin_port) as admin:
        await admin.send(request("GET", target))
        return json.loads((await admin.reply()).body)
