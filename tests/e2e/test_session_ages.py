"""Connections that are closed since they are idle for too long, or too old, on both sides of a running proxy.

Time passes when the tests say so: however slow the machine is, no connection comes of age before.
"""

import pytest
from trio.testing import MockClock, wait_all_tasks_blocked

from tests.e2e.raw import request
from tests.e2e.stubs import Holding
from tests.proxies import between


@pytest.mark.parametrize("limit", ["idleTimeMs", "lifeTimeMs"])
async def test_an_endpoints_connection_is_replaced_without_a_failure(limit: str, mock_clock: MockClock) -> None:
    async with between(client={"clientSession": {limit: 100}}) as (endpoint, client):
        statuses = []
        for _time in range(3):
            await client.send(request())
            statuses.append((await client.reply()).status)
            await wait_all_tasks_blocked()
            mock_clock.jump(1)
            await endpoint.connections[-1].gone.wait()

    assert statuses == [200] * 3
    assert len(endpoint.connections) == 3


@pytest.mark.parametrize("limit", ["idleTimeMs", "lifeTimeMs"])
async def test_a_clients_connection_ends_between_requests(limit: str, mock_clock: MockClock) -> None:
    async with between(server={"serverSession": {limit: 200}}) as (_endpoint, client):
        await client.send(request())
        answered = await client.reply()
        await wait_all_tasks_blocked()
        mock_clock.jump(1)
        ended = await client.is_closed()

    assert (answered.status, ended) == (200, True)


async def test_an_old_connection_is_said_to_close_with_its_next_reply(mock_clock: MockClock) -> None:
    slow = Holding()
    async with between(slow, server={"serverSession": {"lifeTimeMs": 300}}) as (_endpoint, client):
        await client.send(request())
        await slow.arrived.wait()
        mock_clock.jump(1)
        slow.go.set()
        answered = await client.reply()

    assert (answered.status, answered.value(b"connection")) == (200, b"close")


async def test_a_young_connection_is_kept(mock_clock: MockClock) -> None:
    async with between(server={"serverSession": {"lifeTimeMs": 300}}) as (_endpoint, client):
        await client.send(request())
        mock_clock.jump(0.2)
        answered = await client.reply()

    assert answered.value(b"connection") is None
