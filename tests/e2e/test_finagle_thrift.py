"""Thrift between Finagle's own clients and servers, with and without the headers of TTwitter, seen from both ends."""

import pytest

from tests.e2e.finagle.between import Route, to
from tests.e2e.finagle.peer import Finagle
from tests.e2e.finagle.recording import frames, recording
from tests.e2e.finagle.wire import DEADLINE, RETRIES, TRACE, UPGRADE, call, deadline, trace
from tests.proxies import proxy

UPGRADES = {"attemptTTwitterUpgrade": True}


async def test_what_travels_beside_a_call_arrives(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0], **{"client id": "me"})
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


@pytest.mark.parametrize("upgrade", [True, False])
@pytest.mark.parametrize("keys", [UPGRADES, {}])
async def test_each_side_is_upgraded_by_itself(finagle: Finagle, upgrade: bool, keys: dict[str, bool]) -> None:
    server = await finagle.serve("thrift")
    async with (
        recording(server.port) as recorded,
        proxy(Route("thrift", to(recorded.port), client=keys).stack) as linker,
    ):
        client = await finagle.client("thrift", linker.ports[0], upgrade=upgrade)

        texts = [(await client.call(method="echo", text=text))["text"] for text in ("one", "two")]
        await client.close()

    assert texts == ["one", "two"]
    assert (frames(recorded.connections[0].sent)[0] == UPGRADE) == bool(keys)


@pytest.mark.parametrize("server_compact", [True, False])
@pytest.mark.parametrize("server_buffered", [True, False])
@pytest.mark.parametrize("client_compact", [True, False])
async def test_each_side_has_its_own_encoding_and_transport(
    finagle: Finagle, server_compact: bool, server_buffered: bool, client_compact: bool
) -> None:
    protocols = {True: "compact", False: "binary"}
    keys = {"thriftProtocol": protocols[server_compact], "thriftFramed": not server_buffered}
    given = {"thriftProtocol": protocols[client_compact]}
    server = await finagle.serve("thrift", compact=server_compact, buffered=server_buffered)
    async with proxy(Route("thrift", to(server.port), given, keys).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0], compact=client_compact)

        ended = await client.call(method="echo", text="grüß")
        await client.close()

    assert ended["text"] == "grüß"


async def test_a_dtab_of_the_client_chooses_the_server(finagle: Finagle) -> None:
    first, second = await finagle.serve("thrift"), await finagle.serve("thrift")
    async with proxy(Route("thrift", to(first.port)).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        ended = await client.call(method="echo", text="hi", dtab=to(second.port))
        await second.request()
        await client.close()

    assert ended["text"] == "hi"
    assert finagle.untold(first.name, "request")


async def test_the_name_of_the_method_chooses_the_server(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    route = Route("thrift", f"/svc/echo => /$/inet/127.0.0.1/{server.port}", router={"thriftMethodInDst": True})
    async with proxy(route.stack, warnings=True) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        known, unknown = await client.call(method="echo", text="hi"), await client.call(method="other", text="hi")
        await client.close()

    assert known["text"] == "hi"
    assert unknown["text"].startswith("6 Internal error processing other: ")


async def test_an_exception_is_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    await server.behave("fail")
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        ended = await client.call(method="echo", text="hi")
        await client.close()

    assert ended["text"] == "6 Internal error processing echo: 'java.lang.IllegalStateException: sad panda'"


async def test_a_one_way_call_is_passed_on(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    async with proxy(Route("thrift", to(server.port)).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        await client.call(method="tell", text="news", oneway=True)
        seen = await server.request()
        ended = await client.call(method="echo", text="hi")
        await client.close()

    assert seen["body"] == call("tell", "news", kind="04")
    assert ended["text"] == "hi"


async def test_a_deadline_ends_a_call(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    await server.behave("hang")
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        ended = await client.call(method="echo", text="hi", contexts={DEADLINE: deadline(0.3)})
        await server.interrupted()
        await client.close()

    assert "deadline" in ended["text"].lower()


async def test_a_call_that_is_given_up_is_given_up_upstream(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    await server.behave("hang")
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        await client.call(method="echo", text="hi", **{"cancel ms": 200})
        await server.interrupted()
        await client.close()


async def test_no_answer_goes_to_another_call_than_its_own(finagle: Finagle) -> None:
    """Some are given up, and with them their connections, of which Finagle's client then takes one more and fails by itself."""
    server = await finagle.serve("thrift")
    await server.behave(ms=10)
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        ends = []
        for batch in range(8):
            texts = [f"{batch}-{number}" for number in range(20)]
            numbers = [client.send(method="echo", text=text) for text in texts[5:]]
            numbers = [client.send(method="echo", text=text, **{"cancel ms": 5}) for text in texts[:5]] + numbers
            ends += [(await client.ended(number), text) for number, text in zip(numbers, texts, strict=True)]
        await server.behave()
        await client.close()

    answers = [(end["text"], text) for end, text in ends if end["event"] == "reply"]
    assert [found for found, text in answers] == [text for found, text in answers]
    assert len(answers) > len(ends) / 2


async def test_the_number_of_an_attempt_is_told(finagle: Finagle) -> None:
    server = await finagle.serve("thrift")
    async with proxy(Route("thrift", to(server.port), client=UPGRADES).stack) as linker:
        client = await finagle.client("thrift", linker.ports[0])

        await client.call(method="echo", text="hi")
        seen = await server.request()
        await client.close()

    assert seen["contexts"][RETRIES] == "00000000"
