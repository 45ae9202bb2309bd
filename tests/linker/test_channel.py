"""What two processes say to each other, both in one here."""

import os
import socket
from collections.abc import AsyncIterator

import pytest
import trio
import trio.testing

from mesh.linker.channel import PASSED, Caller, Channel, ChannelClosed


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Channel, Channel]]:
    one, other = map(Channel, socket.socketpair())
    yield one, other
    one.close()
    other.close()


async def test_messages_arrive_whole_and_in_order(ends: tuple[Channel, Channel]) -> None:
    one, other = ends
    long = "x" * 3_000_000

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one.send, {"text": long})
        first = await other.receive()
        nursery.start_soon(one.send, {"text": "short"})
        second = await other.receive()

    assert (first, second) == (({"text": long}, []), ({"text": "short"}, []))


@pytest.mark.parametrize("count", [1, PASSED, PASSED + 1])
async def test_sockets_come_with_their_message(ends: tuple[Channel, Channel], count: int) -> None:
    one, other = ends
    passed = [socket.socket() for _number in range(count)]
    passed[-1].bind(("127.0.0.1", 0))

    await one.send({"name": "first"})
    await one.send({"name": "second"}, passed)
    first, second = await other.receive(), await other.receive()

    assert first == ({"name": "first"}, [])
    assert second is not None
    assert (len(second[1]), second[1][-1].getsockname()) == (count, passed[-1].getsockname())
    assert os.get_inheritable(second[1][0].fileno()) is False
    for sock in (*passed, *second[1]):
        sock.close()


async def test_the_end_of_one_side_is_the_end_of_the_other(ends: tuple[Channel, Channel]) -> None:
    one, other = ends

    one.close()

    assert await other.receive() is None
    with pytest.raises(ChannelClosed):
        await other.send({})


async def test_answers_find_who_asked(ends: tuple[Channel, Channel], nursery: trio.Nursery) -> None:
    one, other = ends
    caller = Caller(one)
    answers: dict[str, object] = {}

    async def ask(name: str) -> None:
        answers[name] = (await caller.call(name, size=1))["said"]

    nursery.start_soon(caller.run)
    async with trio.open_nursery() as asking:
        for name in ("a", "b"):
            asking.start_soon(ask, name)
        asked = [received[0] for received in (await other.receive(), await other.receive()) if received is not None]
        for message in reversed(asked):
            await other.send({"answer": message["number"], "said": message["call"] + str(message["size"])})

    assert answers == {"a": "a1", "b": "b1"}


async def test_who_waits_for_an_answer_is_told_that_the_other_side_has_gone(
    ends: tuple[Channel, Channel], nursery: trio.Nursery
) -> None:
    one, other = ends
    caller = Caller(one)
    nursery.start_soon(caller.run)

    async with trio.open_nursery() as asking:

        async def ask() -> None:
            with pytest.raises(ChannelClosed):
                await caller.call("anything")

        asking.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        other.close()
    await trio.testing.wait_all_tasks_blocked()

    with pytest.raises(ChannelClosed):
        await caller.call("anything else")
