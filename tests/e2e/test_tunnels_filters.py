"""What filters make of tunnels, through a running proxy."""

import pathlib
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import RawConnection, request
from tests.e2e.stubs import Stub, stub
from tests.proxies import proxy, stack
from tests.waiting import settled

ASK = request("GET", "/chat", "Connection: Upgrade", "Upgrade: websocket")


async def echo(_endpoint: Stub, connection: RawConnection) -> None:
    """Switch, then send back whatever comes, and end when the client does; `!` is answered with a reset."""
    if await connection.head() is None:
        return
    await connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    while connection.rest or await connection.more():
        piece, connection.rest = connection.rest, b""
        if piece == b"!":
            connection.reset()
            return
        await connection.send(piece)
    await connection.send_end()


async def switch(client: RawConnection) -> int:
    """Ask for a switch; return the status of the answer."""
    await client.send(ASK)
    head = await client.head()
    assert head is not None
    return head.status


@pytest.mark.parametrize(
    "keys",
    [
        {"server": {"timeoutMs": 100}},
        {"service": {"totalTimeoutMs": 100}},
        {"client": {"requestAttemptTimeoutMs": 100}},
    ],
)
async def test_timeouts_end_with_the_head(keys: dict[str, Any], idle_clock: MockClock) -> None:
    async with stub(echo) as endpoint, proxy(stack(endpoint.port, **keys)) as running, running.connect() as client:
        await switch(client)
        await trio.sleep(0.25)
        await client.send(b"still here")
        back = await client.exactly(10)

    assert back == b"still here"


async def test_a_tunnel_holds_its_place_among_the_concurrent_requests() -> None:
    async with stub(echo) as endpoint, proxy(stack(endpoint.port, server={"maxConcurrentRequests": 1})) as running:
        async with running.connect() as first, running.connect() as second:
            statuses = [await switch(first), await switch(second)]
        await settled()
        async with running.connect() as third:
            statuses.append(await switch(third))

    assert statuses == [101, 503, 101]


async def line_of(log: pathlib.Path) -> str:
    """Wait for the only line of a log."""
    with trio.fail_after(10):
        while not log.exists() or "\n" not in log.read_text():
            await trio.sleep(0.01)
    return log.read_text().strip()


@pytest.mark.parametrize(("last", "flags"), [(b"", "-"), (b"!", "UC")])
async def test_the_access_log_tells_what_went_to_the_client_and_how_it_ended(
    tmp_path: pathlib.Path, last: bytes, flags: str
) -> None:
    log = tmp_path / "log"
    form = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%"

    async with stub(echo) as endpoint:
        text = stack(endpoint.port, httpAccessLog=str(log), httpAccessLogFormat=form)
        async with proxy(text) as running, running.connect() as client:
            await switch(client)
            await client.send(b"12345")
            await client.exactly(5)
            if last:
                await client.send(last)
            else:
                await client.send_end()
            await client.is_closed()
            found = await line_of(log)

    assert found == f"/chat 101 {flags} 5"
