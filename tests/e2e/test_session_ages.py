"""Connections that are closed since they are idle for too long, or too old, on both sides of a running proxy."""

import pytest
import trio

from tests.e2e.raw import request
from tests.e2e.stubs import stub
from tests.proxies import between, proxy, stack


@pytest.mark.parametrize("limit", ["idleTimeMs", "lifeTimeMs"])
async def test_an_endpoints_connection_is_replaced_without_a_failure(limit: str) -> None:
    async with between(client={"clientSession": {limit: 100}}) as (endpoint, client):
        statuses = []
        for _time in range(3):
            await client.send(request())
            statuses.append((await client.reply()).status)
            with trio.fail_after(5):
                while not endpoint.connections[-1].ended:
                    await trio.sleep(0.01)

    assert statuses == [200] * 3
    assert len(endpoint.connections) == 3


@pytest.mark.parametrize("limit", ["idleTimeMs", "lifeTimeMs"])
async def test_a_clients_connection_ends_between_requests(limit: str) -> None:
    async with between(server={"serverSession": {limit: 200}}) as (_endpoint, client):
        await client.send(request())
        answered = await client.reply()
        ended = await client.is_closed()

    assert (answered.status, ended) == (200, True)


async def test_an_old_connection_is_said_to_close_with_its_next_reply() -> None:
    async with (
        stub() as endpoint,
        proxy(stack(endpoint.port, server={"serverSession": {"lifeTimeMs": 300}})) as running,
        running.connect() as client,
    ):
        said: list[bytes | None] = []
        with trio.fail_after(5):
            while not said or said[-1] != b"close":
                await client.send(request())
                said.append((await client.reply()).value(b"connection"))

    assert said[-1] == b"close"
    assert said[0] is None
