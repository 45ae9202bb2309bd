"""ThriftMux between Finagle's own clients and servers, those of plain Thrift among them, seen from both ends."""

import pytest

from tests.e2e.finagle.between import Route, to
from tests.e2e.finagle.peer import Finagle
from tests.e2e.finagle.recording import frames, recording
from tests.e2e.finagle.wire import DEADLINE, RDRAIN, TDRAIN, TINIT_CHECK, TRACE, UPGRADE, deadline, trace
from tests.proxies import proxy

PLAIN = {"protocol": "thrift"}
UPGRADED = {"protocol": "thrift", "attemptTTwitterUpgrade": True}


@pytest.mark.parametrize(("protocol", "keys"), [("thriftmux", {}), ("thrift", UPGRADED)])
async def test_what_travels_beside_a_call_arrives(finagle: Finagle, protocol: str, keys: dict[str, object]) -> None:
    server = await finagle.serve(protocol)
    async with proxy(Route("thriftmux", to(server.port), client=keys).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0], **{"client id": "me"})
        contexts = {DEADLINE: deadline(60), "my.own": "cafe", TRACE: trace(0xA, 0xC, 0xB, flags=6)}

        ended = await client.call(method="echo", text="hi", dtab="/a => /b; /x => /y | 2 * /z & /w", contexts=contexts)
        seen = await server.request()
        await client.close()

    assert ended["text"] == "hi"
    assert seen["dtab"] == "/a=>/b;/x=>/y | 2.00*/z & /w"
    assert 0 < seen["left ms"] <= 60_000
    assert seen["client id"] == "me"
    assert seen["contexts"]["my.own"] == "cafe"
    assert (seen["trace"], seen["sampled"]) == ("000000000000000a", True)
    assert seen["parent"] not in ("000000000000000b", "000000000000000c")  # a hop of the client, and one of the linker


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("upgrade", [True, False])
@pytest.mark.parametrize(("protocol", "keys"), [("thriftmux", {}), ("thrift", PLAIN)])
async def test_clients_of_plain_thrift_are_served_on_the_same_port(
    finagle: Finagle, protocol: str, keys: dict[str, object], upgrade: bool, compact: bool
) -> None:
    server = await finagle.serve(protocol, compact=compact)
    spoken = {"thriftProtocol": "compact" if compact else "binary"} if keys else {}
    async with proxy(Route("thriftmux", to(server.port), client={**keys, **spoken}).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0], upgrade=upgrade, compact=compact)
        muxing = await finagle.client("thriftmux", linker.ports[0], compact=compact)

        numbers = [client.send(method="echo", text=f"grüß {number}") for number in range(5)]
        texts = [(await client.ended(number))["text"] for number in numbers]
        other = (await muxing.call(method="echo", text="mux"))["text"]
        await client.close()
        await muxing.close()

    assert (texts, other) == ([f"grüß {number}" for number in range(5)], "mux")


async def test_what_a_client_of_ttwitter_says_beside_a_call_arrives_in_mux(finagle: Finagle) -> None:
    server = await finagle.serve("thriftmux")
    async with proxy(Route("thriftmux", to(server.port)).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0], upgrade=True, **{"client id": "me"})
        contexts = {DEADLINE: deadline(60), "my.own": "cafe", TRACE: trace(0xA, 0xC, 0xB, flags=6)}

        ended = await client.call(method="echo", text="hi", dtab="/a => /b", contexts=contexts)
        seen = await server.request()
        await client.close()

    assert ended["text"] == "hi"
    assert seen["dtab"] == "/a=>/b"
    assert 0 < seen["left ms"] <= 60_000
    assert seen["client id"] == "me"
    assert seen["contexts"]["my.own"] == "cafe"
    assert (seen["trace"], seen["sampled"]) == ("000000000000000a", True)


@pytest.mark.parametrize("compact", [True, False])
async def test_a_message_is_passed_on_in_its_encoding(finagle: Finagle, compact: bool) -> None:
    server = await finagle.serve("thriftmux", compact=compact)
    async with recording(server.port) as recorded, proxy(Route("thriftmux", to(recorded.port)).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0], compact=compact)

        texts = [(await client.call(method="echo", text=text))["text"] for text in ("one", "grüß")]
        await client.close()

    assert texts == ["one", "grüß"]
    assert frames(recorded.connections[0].sent)[0] == TINIT_CHECK


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("buffered", [True, False])
async def test_servers_of_plain_thrift_are_reached(finagle: Finagle, compact: bool, buffered: bool) -> None:
    server = await finagle.serve("thrift", compact=compact, buffered=buffered)
    keys = {**PLAIN, "thriftFramed": not buffered, "thriftProtocol": "compact" if compact else "binary"}
    async with proxy(Route("thriftmux", to(server.port), client=keys).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])

        numbers = [client.send(method="echo", text=str(number)) for number in range(20)]
        texts = [(await client.ended(number))["text"] for number in numbers]
        await client.close()

    assert texts == [str(number) for number in range(20)]


async def test_a_server_of_plain_thrift_is_asked_for_the_upgrade(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    async with (
        recording(server.port) as recorded,
        proxy(Route("thriftmux", to(recorded.port), client=UPGRADED).stack) as linker,
    ):
        client = await finagle.client("thriftmux", linker.ports[0])

        ended = await client.call(method="echo", text="hi")
        await client.close()

    assert ended["text"] == "hi"
    assert frames(recorded.connections[0].sent)[0] == UPGRADE


async def test_the_name_of_the_method_chooses_the_server(finagle: Finagle) -> None:
    server = await finagle.serve("thriftmux")
    route = Route("thriftmux", f"/svc/echo => /$/inet/127.0.0.1/{server.port}", router={"thriftMethodInDst": True})
    async with proxy(route.stack, warnings=True) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])

        known, unknown = await client.call(method="echo", text="hi"), await client.call(method="other", text="hi")
        await client.close()

    assert known["text"] == "hi"
    assert "/svc/other" in str(unknown)


@pytest.mark.parametrize(("protocol", "keys"), [("thriftmux", {}), ("thrift", UPGRADED)])
async def test_an_exception_is_passed_on(finagle: Finagle, protocol: str, keys: dict[str, object]) -> None:
    server = await finagle.serve(protocol)
    await server.behave("fail")
    async with proxy(Route("thriftmux", to(server.port), client=keys).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])

        ended = await client.call(method="echo", text="hi")
        await client.close()

    assert ended["text"] == "6 Internal error processing echo: 'java.lang.IllegalStateException: sad panda'"


async def test_a_nack_is_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("thriftmux")
    await server.behave("nack")
    async with proxy(Route("thriftmux", to(server.port)).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])

        ended = await client.call(method="echo", text="hi")
        await client.close()

    assert ended["why"] == "The request was Nacked by the server"


@pytest.mark.parametrize(("protocol", "keys"), [("thriftmux", {}), ("thrift", PLAIN)])
async def test_a_call_that_is_given_up_is_given_up_upstream(
    finagle: Finagle, protocol: str, keys: dict[str, object]
) -> None:
    server = await finagle.serve(protocol)
    await server.behave("hang")
    async with proxy(Route("thriftmux", to(server.port), client=keys).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])

        await client.call(method="echo", text="hi", **{"cancel ms": 200})
        await server.interrupted()
        await client.close()


async def test_a_server_that_drains_loses_no_call(finagle: Finagle) -> None:
    server = await finagle.serve("thriftmux")
    await server.behave(ms=300)
    async with recording(server.port) as recorded, proxy(Route("thriftmux", to(recorded.port)).stack) as linker:
        client = await finagle.client("thriftmux", linker.ports[0])
        number = client.send(method="echo", text="hi")
        await server.request()

        server.drain()
        ended = await client.ended(number)
        await server.drained()
        await client.close()

    [connection] = recorded.connections
    assert ended["text"] == "hi"
    assert TDRAIN in frames(connection.received)
    assert RDRAIN in frames(connection.sent)
