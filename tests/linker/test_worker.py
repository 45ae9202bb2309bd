"""A worker without a process of its own: what it answers, and what it then serves."""

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
import trio

from mesh.linker.doors import open_door, router_doors
from mesh.linker.run import process
from mesh.linker.worker import Worker
from mesh.metrics import flat
from mesh.metrics.merging import merged
from tests.e2e.raw import connected, request
from tests.e2e.stubs import stub
from tests.proxies import kinds, settings_of, stack


@attrs.define(eq=False)
class Bench:
    """A worker, and what its supervisor would say to it."""

    worker: Worker

    async def tell(self, call: str, **fields: object) -> dict[str, object]:
        return await self.worker.answer({"call": call, **fields}, [])

    async def prepare(self, text: str) -> tuple[dict[str, object], list[int]]:
        """Have it prepare a stack file; return its answer, and the ports that it was given."""
        opened = {door.key: open_door(door) for door in router_doors(settings_of(text))}
        ports = [sock.getsockname()[1] for sock in opened.values()]
        message = {"call": "prepare", "text": text, "file": "a.yaml", "folder": str(Path()), "doors": list(opened)}
        return await self.worker.answer(message, list(opened.values())), ports


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with process(kinds(), has_admin=False, workers=2) as linker:
        yield Bench(Worker(linker, kinds()))


async def answers(port: int) -> bytes:
    async with connected(port) as client:
        await client.send(request())
        return (await client.reply()).body


async def test_what_was_prepared_is_served_once_it_is_committed(bench: Bench) -> None:
    async with stub() as endpoint:
        prepared, (port,) = await bench.prepare(stack(endpoint.port))
        committed = await bench.tell("commit")
        body = await answers(port)
        metrics = await bench.tell("metrics")

    shown = flat(merged([metrics["metrics"]]))  # type: ignore[list-item]  # an answer is JSON
    assert ("error" in prepared, committed, body) == (False, {}, b"ok")
    assert shown["rt/http/server/127.0.0.1/0/requests"] == 1


async def test_what_is_wrong_is_said_and_nothing_is_left_open(bench: Bench) -> None:
    prepared, (port,) = await bench.prepare(stack(80, filters={"server": [{"remove": "nothing"}]}))

    assert "the server stack has no role nothing" in str(prepared["error"])
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_what_was_given_up_is_not_served(bench: Bench) -> None:
    _prepared, (port,) = await bench.prepare(stack(80))

    await bench.tell("abandon")
    await bench.tell("commit")

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


async def test_pages_are_answered(bench: Bench) -> None:
    await bench.prepare(stack(80))
    await bench.tell("commit")
    asked = {"method": "GET", "path": "/client_state.json", "query": {}, "headers": {}, "body": ""}

    answer = await bench.tell("page", page=asked)

    page = answer["page"]
    assert isinstance(page, dict)
    assert (page["status"], page["body"]) == (200, "{}")


async def test_it_drains_when_it_is_told_to(bench: Bench) -> None:
    await bench.tell("drain")

    with trio.fail_after(60):
        await bench.worker._linker.wait_stopped()
