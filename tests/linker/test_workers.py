"""The place of one worker: what it says when there is none, and when it refuses. tests/e2e has real ones."""

import json
import socket
from collections.abc import AsyncIterator

import pytest
import trio

from mesh.linker.channel import Caller, Channel
from mesh.linker.workers import Given, Slot, WorkerRefused, as_json

GIVEN = Given("text", "a.yaml", ".", {})


@pytest.fixture
async def ends(nursery: trio.Nursery) -> AsyncIterator[tuple[Caller, Channel]]:
    ours, theirs = map(Channel, socket.socketpair())
    caller = Caller(ours)
    nursery.start_soon(caller.run)
    yield caller, theirs
    ours.close()
    theirs.close()


async def answer(channel: Channel, **fields: object) -> None:
    received = await channel.receive()
    assert received is not None
    await channel.send({"answer": received[0]["number"], **fields})


async def test_nobody_answers_for_a_worker_that_is_not_there(ends: tuple[Caller, Channel]) -> None:
    caller, theirs = ends
    slot = Slot(0)

    empty = await slot.call("metrics")
    slot.caller = caller
    theirs.close()
    gone = await slot.call("metrics")

    assert (empty, gone) == (None, None)


async def test_what_a_worker_refuses_is_raised_in_its_words(ends: tuple[Caller, Channel]) -> None:
    caller, theirs = ends

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: answer(theirs, error="a.yaml, line 1: wrong"))
        with pytest.raises(WorkerRefused, match=r"^a\.yaml, line 1: wrong$"):
            await Slot(0).prepare(caller, GIVEN)


async def test_the_pages_of_a_worker_are_known_once_it_is_prepared(ends: tuple[Caller, Channel]) -> None:
    caller, theirs = ends
    slot = Slot(0)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: answer(theirs, pages=[["/page", "what it shows", ["GET"]]]))
        await slot.prepare(caller, GIVEN)

    assert slot.pages == [["/page", "what it shows", ["GET"]]]


async def test_workers_are_shown_with_what_is_known_of_them(ends: tuple[Caller, Channel]) -> None:
    caller, _theirs = ends
    slot = Slot(1, pid=7, started=trio.current_time(), restarts=2, caller=caller)

    assert json.loads(as_json([Slot(0), slot])) == [
        {"worker": 0, "pid": None, "ready": False, "restarts": 0, "uptimeSeconds": None},
        {"worker": 1, "pid": 7, "ready": True, "restarts": 2, "uptimeSeconds": 0.0},
    ]
