"""The admin pages of the circuit breakers, of a running proxy."""

import json
from typing import Any

from tests.e2e.raw import connected, reply, request
from tests.e2e.stubs import answering, stub
from tests.proxies import Proxy, proxy, stack

ACCRUAL = {"failureAccrual": {"kind": "io.l5d.consecutiveFailures", "failures": 2}}


async def admin(running: Proxy, method: str, target: str) -> tuple[int, Any]:
    async with connected(running.admin_port) as client:
        await client.send(request(method, target))
        answer = await client.reply()
    return answer.status, json.loads(answer.body) if answer.status == 200 else answer.body


async def broken(running: Proxy) -> None:
    """Send as many requests as break the circuit."""
    async with running.connect() as client:
        for _time in range(2):
            await client.send(request())
            await client.reply()


async def test_a_breaker_is_shown_with_its_state_and_reset() -> None:
    async with stub(answering(reply(500))) as endpoint, proxy(stack(endpoint.port, client=ACCRUAL)) as running:
        await broken(running)
        _status, shown = await admin(running, "GET", "/admin/breakers.json")
        reset = await admin(running, "POST", "/admin/breakers/reset?router=http")
        _status, after = await admin(running, "GET", "/admin/breakers.json")

    client, place = f"/$/inet/127.0.0.1/{endpoint.port}", f"127.0.0.1:{endpoint.port}"
    dead = shown["http"][client][place]
    assert 0 < dead.pop("probe_in_ms") <= 5000
    assert dead == {"state": "dead", "status": "busy", "reasons": {"accrual": "busy"}}
    assert reset == (200, {"reset": 1})
    assert after["http"][client][place] == {"state": "alive", "status": "open", "reasons": {}}


async def test_one_that_does_not_exist_is_not_found() -> None:
    async with proxy(stack(1)) as running:
        none = await admin(running, "POST", "/admin/breakers/reset")
        status, _text = await admin(running, "POST", "/admin/breakers/reset?endpoint=10.0.0.1:80")
        nothing = await admin(running, "GET", "/admin/breakers.json")

    assert (none, status, nothing) == ((200, {"reset": 0}), 404, (200, {}))
