"""How the serving side of Mux lets its clients go, and what it does not take from them."""

import trio
import trio.testing

from mesh import Path
from mesh_plugins.mux import failure, wire
from mesh_plugins.mux.calls import encode_answer, encode_dispatch
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.serving import Serving
from mesh_plugins.mux.wire import RDISPATCH, frame
from tests.plugins.mux.ends import MARKER, RINIT, TINIT, TPING, limits, served

TDRAIN, RDRAIN, RPING = frame(wire.TDRAIN, 1).hex(), frame(wire.RDRAIN, 1).hex(), "00000004bf000001"


def dispatch(tag: int, payload: bytes = b"hi") -> bytes:
    return encode_dispatch(tag, [], [], Path.read("/web"), None, payload)


def refused(tag: int) -> str:
    return encode_answer(RDISPATCH, tag, MuxReply(wire.NACK, b"", failure.context(3)).pack()).hex()


async def test_a_client_that_begins_while_its_listener_drains_is_asked_to_stop() -> None:
    async with served() as bench:
        await bench.client.received()
        bench.switch.drain()
        answers = await bench.client.ask(dispatch(2))

        assert (len(answers), TDRAIN in answers, bench.client.closed) == (2, True, False)
        await bench.client.ask(RDRAIN)
        assert bench.client.closed


async def test_a_client_is_not_asked_to_stop_in_the_middle_of_its_handshake() -> None:
    async with served() as bench:
        answers = [await bench.client.ask(MARKER)]
        bench.switch.drain()
        answers += [await bench.client.received(), await bench.client.ask(TINIT)]

    assert [len(part) for part in answers] == [1, 0, 2]
    assert answers[2][0].startswith(RINIT[8:18]) or answers[2][0][8:10] == "bc"
    assert answers[2][1] == TDRAIN


async def test_calls_that_are_too_large_together_are_refused_and_the_others_go_on() -> None:
    gate = trio.Event()

    async def wait(request: MuxRequest) -> MuxReply:
        await gate.wait()
        return MuxReply(0, b"")

    async with served(wait, Serving(limits(mux_max_frame_bytes=1000))) as bench:
        many = await bench.client.ask(*(dispatch(tag, bytes(900)) for tag in range(2, 8)), TPING)
        gate.set()
        answered = await bench.client.received()
        again = await bench.client.ask(dispatch(2, bytes(900)))

    assert many == [refused(6), refused(7), RPING]
    assert (len(answered), len(again)) == (4, 1)
