"""HTTP and gRPC clients that call real services of Thrift with JSON, in every protocol and transport."""

import json
from typing import Any

import grpc
import pytest
import trio

from tests.e2e.raw import RawConnection
from tests.e2e.thrift_libraries import IDL, LIBRARIES, SECONDS, WAYS, name
from tests.proxies import one, proxy, stack, stacks

DEEP = {
    "numbers": {"some": [1, -1, 2**63 - 1], "none": []},
    "yes": True,
    "ratio": -1.5,
    "blob": "AP8=",
    "few": [1, -200],
    "tiny": -7,
    "leaves": [{"name": "a", "weight": -(2**31)}, {"name": "\N{GREEK SMALL LETTER ALPHA}"}] * 20,
    "flags": {"1": {"yes": True, "no": False}, "2": {}},
}


def keys(way: tuple[str, bool], **more: Any) -> dict[str, Any]:
    """Return the keys of a router that calls a service which speaks in this way."""
    entry = {"kind": "io.l5d.thriftJson", "idl": str(IDL), "thriftProtocol": way[0], "thriftFramed": way[1], **more}
    return {"filters": {"endpoint": [entry]}}


async def ask(connection: RawConnection, method: str, **arguments: Any) -> tuple[int, Any]:
    """Call a method, and return the status and what the body says."""
    body = json.dumps(arguments).encode()
    head = f"POST /Every/{method} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"
    await connection.send(head.encode() + b"\r\n\r\n" + body)
    reply = await connection.reply()
    return reply.status, json.loads(reply.body) if reply.body else None


@pytest.mark.parametrize("library", LIBRARIES)
async def test_every_method_of_every_server_is_called(thrift_servers: dict[str, int], library: str) -> None:
    routers = [
        one(thrift_servers[name(library, way)], label=name(library, way), **keys(way, exceptions={"Sad": 404}))
        for way in WAYS
    ]
    answers = []
    async with proxy(stacks(*routers)) as running:
        for number in range(len(WAYS)):
            async with running.connect(number) as connection:
                (_status, noted) = await ask(connection, "count")
                deep = await ask(connection, "deep", it=DEEP)
                deep[1]["few"].sort(reverse=True)
                answers.append(
                    [
                        deep,
                        await ask(connection, "greet", name="World"),
                        await ask(connection, "greet", name="Nobody"),
                        await ask(connection, "note", line="nobody answers"),
                        (await ask(connection, "count"))[1] - noted,
                        await ask(connection, "greet", name=7),
                    ]
                )

    assert answers == [
        [
            (200, DEEP),
            (200, "Hello, World!"),
            (404, {"error": "Sad", "exception": {"why": "Nobody"}}),
            (202, None),
            1,
            (400, {"error": "a text expected, not 7", "at": "$.name"}),
        ]
    ] * len(WAYS)


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_failure_of_the_service_is_told(thrift_servers: dict[str, int], library: str) -> None:
    way = WAYS[0]
    async with (
        proxy(stack(thrift_servers[name(library, way)], **keys(way)), errors=True) as running,
        running.connect() as connection,
    ):
        head = b"POST /Every/fail HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n"
        await connection.send(head)
        reply = await connection.reply()

    assert reply.status == 502


@pytest.mark.parametrize("protocol", ["h2", "grpc"])
async def test_a_caller_of_grpc_gets_results_and_statuses(thrift_servers: dict[str, int], protocol: str) -> None:
    way = WAYS[0]
    port = thrift_servers[name("apache", way)]
    text = stack(port, protocol=protocol, label="h2", **keys(way, exceptions={"Sad": 404}))

    def converse(port: int) -> list[Any]:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            greet = channel.unary_unary("/Every/greet", lambda value: json.dumps(value).encode(), json.loads)
            codes = []
            for asked in ({"name": "Nobody"}, {"nome": "World"}):
                with pytest.raises(grpc.RpcError) as raised:
                    greet(asked, timeout=SECONDS)
                codes.append((raised.value.code(), raised.value.details()))
            return [greet({"name": "World"}, timeout=SECONDS), *codes]

    async with proxy(text) as running:
        got = await trio.to_thread.run_sync(converse, running.ports[0])

    assert got == [
        "Hello, World!",
        (grpc.StatusCode.NOT_FOUND, '{"error":"Sad","exception":{"why":"Nobody"}}'),
        (grpc.StatusCode.INVALID_ARGUMENT, '{"error":"Every.greet has no such field; it has name","at":"$.nome"}'),
    ]
