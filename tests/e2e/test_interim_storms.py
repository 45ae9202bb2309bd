"""Endpoints that send interim replies (1xx) without end, on one side of a crossing between the versions of HTTP."""

import pytest

from mesh_plugins.http2.frames import END_HEADERS, HEADERS, write_settings
from tests.e2e.h2_peers import ask
from tests.e2e.raw import RawConnection, request
from tests.e2e.stubs import Stub, stub
from tests.plugins.http2.driving import block, frame
from tests.proxies import proxy, stack

MANY = 500
ASKED = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/"), (b":authority", b"web")]


async def hints(_stub: Stub, connection: RawConnection) -> None:
    """Answer in HTTP/1.1, and never come to the point."""
    await connection.more()
    await connection.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * MANY)
    await connection.is_closed()


async def framed_hints(_stub: Stub, connection: RawConnection) -> None:
    """Do so in HTTP/2."""
    await connection.more()
    hint = frame(HEADERS, END_HEADERS, 1, block((b":status", b"103"), (b"link", b"</a>")))
    await connection.send(write_settings({}) + hint * MANY)
    await connection.is_closed()


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_a_client_of_http2_gets_an_end(engine: str) -> None:
    async with stub(hints) as endpoint:
        text = stack(endpoint.port, server={"protocols": ["h2"]}, engine=engine)
        async with proxy(text) as running:
            answer = await ask(running.ports[0], ASKED)

    assert answer.field(b":status") == b"502"


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_a_client_of_http1_gets_an_end(engine: str) -> None:
    statuses: list[int] = []

    async with stub(framed_hints) as endpoint:
        text = stack(endpoint.port, client={"protocol": "h2"}, engine=engine)
        async with proxy(text) as running, running.connect() as client:
            await client.send(request())
            while not statuses or statuses[-1] < 200:
                head = await client.head()
                assert head is not None
                statuses.append(head.status)

    assert statuses[-1] == 502
    assert len(statuses) < MANY / 2
