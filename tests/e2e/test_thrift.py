"""Thrift by a running proxy, with real clients and servers at either end, in every protocol and transport."""

import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import trio

from tests.e2e import thrift_libraries
from tests.e2e.thrift_libraries import LIBRARIES, WAYS, client, load, name, value
from tests.programs import find
from tests.proxies import one, proxy, stacks

ROOT = pathlib.Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What Apache's compiler makes of the IDL."""
    folder = tmp_path_factory.mktemp("every")
    subprocess.run([find("thrift"), "--gen", "py", "-out", str(folder), str(thrift_libraries.IDL)], check=True)
    return str(folder)


@pytest.fixture(scope="module")
def servers(generated: str) -> Iterator[dict[str, int]]:
    """The ports of servers, by library, protocol and transport."""
    command = [sys.executable, "-m", "tests.e2e.thrift_libraries", generated]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


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
async def test_every_client_reaches_every_server(servers: dict[str, int], generated: str, library: str) -> None:
    idl = load(library, generated)
    wrong = {}
    async with proxy(routers(servers)) as running:
        for number, port in enumerate(running.ports):
            backend, way = list(servers)[number // len(WAYS)], WAYS[number % len(WAYS)]
            found = await trio.to_thread.run_sync(converse, library, way, port, idl)
            if found:
                wrong[f"{name(library, way)} to {backend}"] = found

    assert len(running.ports) == 32
    assert wrong == {}
