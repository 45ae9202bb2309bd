"""The question whether an endpoint speaks TTwitter, and endpoints that do not take it well."""

import pytest
import trio
import trio.testing

from mesh import UpstreamBroken, UpstreamProtocolError
from mesh.testing import memory_connections
from mesh_plugins.thrift.asking import MOST, SECONDS, Refusals, ask
from mesh_plugins.thrift.exceptions import ExceptionType, write_exception
from mesh_plugins.thrift.framing import framed, new_messages
from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.ttwitter import CAN_TRACE, agrees, asks
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, REPLY

DECLINED = write_exception(BINARY, CAN_TRACE, 0, ExceptionType.UNKNOWN_METHOD, "no")


async def answered(answer: bytes, refusals: Refusals) -> bool:
    """Ask an endpoint that sends this and closes."""
    near, endpoint = memory_connections()
    messages = new_messages(BINARY, Bounds(), is_framed=True)
    async with trio.open_nursery() as nursery:

        @nursery.start_soon
        async def play() -> None:
            assert await endpoint.receive_some() == framed(asks(BINARY))
            if answer:
                await endpoint.send_all(answer)
            await endpoint.aclose()

        try:
            return await ask(near, messages, Peer(upgrades=True), lambda: trio.current_time() + 1, refusals)
        finally:
            nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("answer", "speaks"), [(agrees(BINARY, 0), True), (DECLINED, False)])
async def test_an_answer_says_whether_it_does(answer: bytes, speaks: bool) -> None:
    refusals = Refusals()

    assert await answered(framed(answer), refusals) is speaks
    assert not refusals.has("memory")


@pytest.mark.parametrize(
    "garbage",
    [
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\0\0\0\0",
        b"\0\0\0\2\x80\1",
        framed(DECLINED) + framed(DECLINED),
        framed(BINARY.message(REPLY, b"echo", 0, b"\0")),
        framed(BINARY.message(CALL, CAN_TRACE, 0, b"\0")),
    ],
)
async def test_what_is_no_answer_loses_the_connection_but_no_call(garbage: bytes) -> None:
    refusals = Refusals()

    with pytest.raises(ExceptionGroup) as caught:
        await answered(garbage, refusals)

    (error,) = caught.value.exceptions
    assert isinstance(error, UpstreamProtocolError)
    assert error.retryable


@pytest.mark.parametrize("part", [b"", framed(agrees(BINARY, 0))[:9]])
async def test_whoever_hangs_up_is_not_asked_again_for_a_while(part: bytes, autojump_clock: object) -> None:
    refusals = Refusals()

    with pytest.raises(ExceptionGroup) as caught:
        await answered(part, refusals)

    (error,) = caught.value.exceptions
    assert type(error) is UpstreamBroken
    assert error.retryable
    (address,) = refusals._until
    before = refusals.has(address)
    await trio.sleep(SECONDS)
    assert (before, refusals.has(address)) == (True, False)


async def test_no_more_endpoints_are_remembered_than_some() -> None:
    refusals = Refusals()

    for number in range(MOST + 1):
        refusals.add(str(number))

    assert [refusals.has(str(number)) for number in (0, 1, MOST)] == [False, True, True]
