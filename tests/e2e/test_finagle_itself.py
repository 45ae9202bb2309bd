"""What Finagle's own clients and servers say to each other: what the tests of our side of each conversation rest on."""

import pytest

from tests.e2e.finagle.peer import Finagle
from tests.e2e.finagle.recording import frames, recording
from tests.e2e.finagle.wire import (
    NACK,
    RDRAIN,
    RETRIES,
    RINIT,
    RPING,
    TDRAIN,
    TINIT,
    TINIT_CHECK,
    TPING,
    UPGRADE,
    UPGRADED,
    call,
)


@pytest.mark.parametrize("protocol", ["mux", "thriftmux"])
async def test_a_session_of_mux_begins_with_an_exchange_of_headers_and_a_ping(finagle: Finagle, protocol: str) -> None:
    server = await finagle.serve(protocol)
    async with recording(server.port) as recorded:
        client = await finagle.client(protocol, recorded.port)

        await client.call(method="echo", body="")
        await client.close()

    [connection] = recorded.connections
    assert frames(connection.sent)[:3] == [TINIT_CHECK, TINIT, TPING]
    assert frames(connection.received)[:3] == [TINIT_CHECK, RINIT, RPING]


async def test_a_nack_is_a_status_with_a_context_and_the_client_tries_again(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave("nack")
    async with recording(server.port) as recorded:
        client = await finagle.client("mux", recorded.port)

        ended = await client.call(body="00")
        await client.close()

    replies = [frame for frame in frames(recorded.connections[0].received) if frame.startswith("fe")]
    attempts = [(await server.request())["contexts"][RETRIES] for _ in replies]
    assert set(replies) == {NACK}
    assert attempts == [f"{number:08x}" for number in range(len(attempts))]
    assert ended["why"] == "The request was Nacked by the server"


async def test_a_call_that_is_given_up_is_discarded(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave("hang")
    async with recording(server.port) as recorded:
        client = await finagle.client("mux", recorded.port)

        await client.call(body="00", **{"cancel ms": 100})
        why = (await server.interrupted())["why"]
        await client.close()

    [connection] = recorded.connections
    assert why == "java.lang.InterruptedException: enough"
    assert frames(connection.sent)[-1] == "c2000000000002" + why.encode().hex()
    assert frames(connection.received)[-1] == "be000002"


async def test_a_server_that_drains_answers_what_it_was_asked_before(finagle: Finagle) -> None:
    server = await finagle.serve("mux")
    await server.behave(ms=300)
    async with recording(server.port) as recorded:
        client = await finagle.client("mux", recorded.port)
        number = client.send(body="cafe")
        await server.request()

        server.drain()
        ended = await client.ended(number)
        await server.drained()

    [connection] = recorded.connections
    assert ended["body"] == "cafe"
    assert frames(connection.received)[-2:] == [TDRAIN, "fe000002000000cafe"]
    assert frames(connection.sent)[-1] == RDRAIN


async def test_a_connection_of_thrift_begins_with_the_upgrade(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    async with recording(server.port) as recorded:
        client = await finagle.client("thrift", recorded.port)

        ended = await client.call(method="echo", text="hi")
        await client.close()

    [connection] = recorded.connections
    [upgrade, request], [upgraded, reply] = frames(connection.sent), frames(connection.received)
    assert ended["text"] == "hi"
    assert (upgrade, upgraded) == (UPGRADE, UPGRADED)
    assert request.startswith("0a0001")  # a header, and a message with a number of the client's own
    seqid = int(request[-28:-20], 16)
    assert request.endswith("00" + call("echo", "hi", seqid=seqid))
    assert reply == "00" + call("echo", "hi", kind="02", field=0, seqid=seqid)


async def test_a_thriftmux_server_takes_plain_thrift(finagle: Finagle) -> None:
    server = await finagle.serve("thriftmux")
    client = await finagle.client("thrift", server.port, upgrade=False)

    ended = await client.call(method="echo", text="hi")

    assert ended["text"] == "hi"
    await client.close()
