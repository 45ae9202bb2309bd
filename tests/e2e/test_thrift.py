"""Thrift by a running proxy, with real clients and servers at either end, in every protocol and transport."""

from typing import Any

import pytest
import trio

from tests.e2e.thrift_libraries import LIBRARIES, WAYS, client, load, name, value
from tests.proxies import one, proxy, stacks

pytestmark = pytest.mark.slow
METHODS = ("deep", "greet", "count", "fail", "note")


def routers(servers: dict[str, int]) -> str:
    """Return a stack file with a router for each server, and in it a listener for each way to speak."""
    return stacks(
        *(
            one(
                servers[name(library, (protocol, is_framed))],
                protocol="thrift",
                label=name(library, (protocol, is_framed)),
                servers=[{"port": 0, "thriftProtocol": way[0], "thriftFramed": way[1]} for way in WAYS],
                client={"thriftProtocol": protocol, "thriftFramed": is_framed},
            )
            for library in LIBRARIES
            for protocol, is_framed in WAYS
        )
    )


def converse(library: str, way: tuple[str, bool], port: int, idl: Any) -> list[str]:
    """Ask the service for everything it has; return what was not as it should be."""
    wrong = []
    with client(library, way, port, idl) as service:
        noted = service.count()
        sent = value(idl)
        got = service.deep(sent)
        if set(got.few) != set(sent.few) or vars(got) | {"few": None} != vars(sent) | {"few": None}:
            wrong.append(f"deep: {got}")
        service.note("nobody answers")
        if service.greet("World") != "Hello, World!":
            wrong.append("greet")
        for method in (lambda: service.greet("Nobody"), service.fail):
            try:
                method()
            except Exception as error:  # noqa: BLE001  the libraries have types of their own
                wrong += [] if type(error).__name__ in ("Sad", "TApplicationException") else [repr(error)]
            else:
                wrong.append("no exception")
        if service.count() != noted + 1:
            wrong.append("not noted")
    return wrong


@pytest.mark.parametrize("library", LIBRARIES)
async def test_every_client_reaches_every_server(
    thrift_servers: dict[str, int], thrift_generated: str, library: str
) -> None:
    idl = load(library, thrift_generated)
    wrong = {}
    async with proxy(routers(thrift_servers)) as running:
        for number, port in enumerate(running.ports):
            backend, way = list(thrift_servers)[number // len(WAYS)], WAYS[number % len(WAYS)]
            found = await trio.to_thread.run_sync(converse, library, way, port, idl)
            if found:
                wrong[f"{name(library, way)} to {backend}"] = found

    assert len(running.ports) == 32
    assert wrong == {}


def thriftmux(port: int, **client: Any) -> str:
    """Return a stack file of a router of ThriftMux that finds its endpoints by the methods."""
    rules = "".join(f"/svc/{method} => /$/inet/127.0.0.1/{port};" for method in METHODS)
    return stacks(one(rules, protocol="thriftmux", experimental=True, thriftMethodInDst=True, client=client))


@pytest.mark.parametrize("calls", [1, 8])
@pytest.mark.parametrize("way", WAYS)
async def test_clients_reach_a_server_of_thriftmux_as_they_are(
    thrift_servers: dict[str, int], thrift_generated: str, way: tuple[str, bool], calls: int
) -> None:
    """They and the servers speak plain Thrift, the two routers between them ThriftMux."""
    wrong = {}
    for library in LIBRARIES:
        idl, port = load(library, thrift_generated), thrift_servers[name(library, way)]
        keys = {"thriftProtocol": way[0], "thriftFramed": way[1], "thriftCallsPerConnection": calls}
        async with proxy(thriftmux(port, **keys)) as behind, proxy(thriftmux(behind.ports[0])) as front:
            for running in (behind, front):
                found = await trio.to_thread.run_sync(converse, library, way, running.ports[0], idl)
                if found:
                    wrong[library, running is front] = found

    assert wrong == {}
