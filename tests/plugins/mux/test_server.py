"""The serving side of Mux; tests/conformance/mux has the dialogues of Finagle's own server."""

import contextlib
import socket

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import MeshError, Path, SocketConnection, Switch
from mesh_plugins.connections.ages import Ages
from mesh_plugins.mux import failure, messages, server, wire
from mesh_plugins.mux.calls import encode_answer, encode_dispatch, encode_request
from mesh_plugins.mux.fragments import pieces
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.protocol import serve
from mesh_plugins.mux.serving import Serving
from mesh_plugins.mux.wire import MORE, RDISPATCH, RREQ, TDISPATCH, frame
from tests.plugins.mux.ends import MARKER, RPING, TINIT, TPING, echo, limits, served

TDRAIN, RDRAIN = frame(wire.TDRAIN, 1).hex(), frame(wire.RDRAIN, 1).hex()
REFUSED = encode_answer(RDISPATCH, 4, MuxReply(wire.NACK, b"", failure.context(3)).pack()).hex()


def dispatch(tag: int, payload: bytes = b"hi") -> bytes:
    return encode_dispatch(tag, [], [], Path.read("/web"), None, payload)


def answer(tag: int, payload: bytes = b"hi") -> str:
    return encode_answer(RDISPATCH, tag, MuxReply(0, payload).pack()).hex()


def error(tag: int, text: str) -> str:
    return messages.Error(tag, text).encode().hex()


def discard(tag: int) -> bytes:
    return messages.Discarded(tag, "enough").encode()


async def hang(_request: MuxRequest) -> MuxReply:
    await trio.sleep_forever()
    raise AssertionError


async def test_a_call_is_answered_by_its_tag() -> None:
    async with served() as bench:
        answers = await bench.client.ask(dispatch(2, b"one"), dispatch(9, b"two"))

    assert sorted(answers) == [answer(2, b"one"), answer(9, b"two")]
    assert bench.requests[0].destination == Path.read("/web")
    assert bench.requests[0].context.peer == "the client"


async def test_a_call_is_answered_however_it_is_cut() -> None:
    async with served() as bench:
        for octet in dispatch(2):
            await bench.client.send(bytes([octet]))

        assert await bench.client.received() == [answer(2)]


async def test_a_plain_call_gets_a_plain_answer() -> None:
    async with served() as bench:
        assert await bench.client.ask(encode_request(2, None, b"hi")) == [encode_answer(RREQ, 2, b"\x00hi").hex()]


async def test_a_call_in_pieces_is_put_together() -> None:
    async with served() as bench:
        assert await bench.client.ask(*pieces(dispatch(2, b"0123456789"), 3)) == [answer(2, b"0123456789")]


async def test_a_long_answer_comes_in_pieces_if_the_client_wants_them() -> None:
    async with served() as bench:
        window = messages.Init(wire.TINIT, 1, 1, ((b"mux-framer", (16).to_bytes(4)),)).encode()
        await bench.client.ask(MARKER, window)

        answers = await bench.client.ask(dispatch(2, bytes(40)))

    assert [bytes.fromhex(part)[5] >> 7 for part in answers] == [1, 1, 0]


async def test_a_call_that_is_given_up_is_cancelled_and_its_tag_is_free_again() -> None:
    async def service(request: MuxRequest) -> MuxReply:
        return await (hang if request.body.buffered == b"hang" else echo)(request)

    async with served(service) as bench:
        given_up = await bench.client.ask(dispatch(2, b"hang"), discard(2))
        again = await bench.client.ask(dispatch(2))

    assert (given_up, again) == ([frame(wire.RDISCARDED, 2).hex()], [answer(2)])


async def test_giving_up_what_nobody_works_on_is_counted() -> None:
    how = Serving()

    async with served(how=how) as bench:
        answers = await bench.client.ask(discard(7))

    assert (answers, how.orphans.value) == ([], 1)


async def test_a_call_of_which_pieces_came_can_be_given_up() -> None:
    async with served() as bench:
        first = next(iter(pieces(dispatch(2, b"0123456789"), 4)))
        answers = await bench.client.ask(first, discard(2), dispatch(2))

    assert answers == [answer(2)]


async def test_a_tag_that_is_pending_already_ends_the_connection() -> None:
    how = Serving()

    async with served(hang, how) as bench:
        answers = await bench.client.ask(dispatch(2), dispatch(3), dispatch(2))

    text = "Received duplicate tag 2 from client."
    assert (answers, bench.client.closed) == ([error(2, text), error(3, text)], True)
    assert how.duplicates.value == 1


@pytest.mark.parametrize("data", ["0000000e0200000200000004737663210000", "0000000f02000002000000052ffffec3280000"])
async def test_a_destination_that_is_no_path_fails_its_call_alone(data: str) -> None:
    refused: list[MeshError] = []

    async with served() as bench:
        bench.switch.refused = refused.append
        answers = await bench.client.ask(data, dispatch(3))

    assert [bytes.fromhex(part)[4:9] for part in answers][:1] == [bytes.fromhex("fe00000201")]
    assert (answers[1], len(refused), len(bench.requests)) == (answer(3), 1, 1)


async def test_a_call_that_cannot_be_read_fails_alone() -> None:
    async with served() as bench:
        answers = await bench.client.ask("0000000a020000020001ffff6162", dispatch(3))

    assert [answers[0][8:16], answers[1]] == ["7f000002", answer(3)]


async def test_a_call_with_the_marker_tag_is_not_begun() -> None:
    async with served() as bench:
        answers = await bench.client.ask(dispatch(0))

    assert (answers[0][8:16], bench.requests) == ("7f000000", [])


@pytest.mark.parametrize("kind", [wire.TDRAIN, wire.TLEASE, wire.RDISPATCH, wire.RDISCARDED, wire.TINIT])
async def test_a_message_out_of_place_is_answered_and_the_connection_goes_on(kind: int) -> None:
    async with served() as bench:
        body = bytes(9) if kind == wire.TLEASE else b"\x00\x01" if kind == wire.TINIT else b""
        answers = await bench.client.ask(TPING, frame(kind, 5, body), TPING)

    assert answers == [RPING, error(5, f"Unexpected mux message type {wire.signed(kind)}"), RPING]


@pytest.mark.parametrize(
    "data", ["00000003410000", "0000000463000005", "000000054200000000", "474554202f20485454502f312e31"]
)
async def test_what_makes_no_sense_ends_the_connection(data: str) -> None:
    refused: list[MeshError] = []

    async with served() as bench:
        bench.switch.refused = refused.append
        answers = await bench.client.ask(data)

    assert (answers, bench.client.closed, len(refused)) == ([], True, 1)


async def test_what_came_before_nonsense_is_not_answered_for_ever() -> None:
    async with served(hang) as bench:
        await bench.client.ask(dispatch(2), "00000003410000")

    assert bench.client.closed
    assert bench.requests[0].context.flags == "DC client_gone"


async def test_a_client_that_hangs_up_cancels_its_calls() -> None:
    seen: list[str] = []

    async def service(request: MuxRequest) -> MuxReply:
        try:
            return await hang(request)
        finally:
            seen.append(request.context.flags)

    async with served(service) as bench:
        await bench.client.ask(dispatch(2))
        bench.client.connection.close()
        await bench.client.received()

    assert (seen, bench.switch.connections) == (["DC client_gone"], set())


async def test_more_calls_than_are_allowed_are_refused() -> None:
    how = Serving(limits(mux_max_pending=2))

    async with served(hang, how) as bench:
        answers = await bench.client.ask(dispatch(2), dispatch(3), dispatch(4))

    assert (answers, len(bench.requests), how.nacks.value) == ([REFUSED], 2, 1)


async def test_a_client_is_asked_to_stop_and_served_until_it_does(autojump_clock: trio.testing.MockClock) -> None:
    how, gate = Serving(), trio.Event()

    async def service(request: MuxRequest) -> MuxReply:
        await gate.wait()
        return await echo(request)

    async with served(service, how) as bench:
        await bench.client.ask(dispatch(2))
        bench.switch.drain()
        asked = await bench.client.received()
        late = await bench.client.ask(dispatch(3), RDRAIN, dispatch(4))
        gate.set()
        last = await bench.client.received()

    assert (asked, late, sorted(last)) == ([TDRAIN], [REFUSED], [answer(2), answer(3)])
    assert (bench.client.closed, how.draining.value) == (True, 1)


async def test_an_idle_client_that_does_not_agree_to_stop_is_not_waited_for(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async with served() as bench:
        await bench.client.ask(TPING)
        bench.switch.drain()
        await trio.sleep(server.DRAIN_SECONDS + 1)

        assert (await bench.client.received(), bench.client.closed) == ([TDRAIN], True)


async def test_a_client_that_has_asked_for_nothing_can_be_hurried(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as bench:
        await bench.client.received()
        bench.switch.hurry()
        await trio.sleep(server.HURRY_SECONDS + 1)

        assert bench.client.closed


async def test_one_that_has_asked_is_not_hurried(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as bench:
        await bench.client.ask(TPING)
        bench.switch.hurry()
        await trio.sleep(60)

        assert not bench.client.closed


async def test_a_connection_ends_after_an_hour_without_a_call(autojump_clock: trio.testing.MockClock) -> None:
    how = Serving()
    async with served(how=how) as bench:
        await bench.client.ask(dispatch(2))
        await trio.sleep(3590)
        before = bench.client.closed
        await trio.sleep(20)

        assert (before, bench.client.closed, how.ages.idle.value) == (False, True, 1)


async def test_a_connection_with_a_call_open_is_not_idle(autojump_clock: trio.testing.MockClock) -> None:
    async with served(hang) as bench:
        await bench.client.ask(dispatch(2))
        await trio.sleep(10000)

        assert not bench.client.closed


async def test_an_old_connection_is_drained(autojump_clock: trio.testing.MockClock) -> None:
    how = Serving(ages=Ages(60.0))
    async with served(how=how) as bench:
        await bench.client.ask(dispatch(2))
        await trio.sleep(61)

        assert (await bench.client.received(), how.ages.lifetime.value) == ([TDRAIN], 1)


async def test_a_client_that_stops_within_a_frame_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    async with served(hang) as bench:
        await bench.client.ask(dispatch(2), dispatch(3)[:-1])
        await trio.sleep(9)
        before = bench.client.closed
        told = await bench.client.received()
        await trio.sleep(3)

        text = "nothing came for 10 s in the middle of a frame"
        assert (before, told, bench.client.closed) == (False, [], True)
        assert await bench.client.received() == [messages.Error(2, text).encode().hex()]


async def test_a_frame_may_take_its_time_as_long_as_it_goes_on(autojump_clock: trio.testing.MockClock) -> None:
    async with served() as bench:
        for byte in dispatch(2):
            await bench.client.send(bytes((byte,)))
            await trio.sleep(9)

        assert await bench.client.received() == [answer(2)]


async def test_a_new_service_takes_the_next_call_and_the_old_one_is_known_to_be_in_use() -> None:
    async with served(hang) as bench:
        before = bench.switch.service
        await bench.client.ask(dispatch(2))
        bench.switch.service = echo
        answers = await bench.client.ask(dispatch(3))
        leaves = bench.switch.leaves(before)
        await bench.client.ask(discard(2))

        assert (answers, leaves, bench.switch.leaves(before)) == ([answer(3)], False, True)


async def test_a_client_may_close_its_side_early_where_that_is_allowed() -> None:
    gate = trio.Event()

    async def service(request: MuxRequest) -> MuxReply:
        await gate.wait()
        return await echo(request)

    async with served(service, Serving(allow_half_close=True)) as bench:
        await bench.client.ask(dispatch(2))
        await bench.client.connection._stream.send_stream.aclose()  # type: ignore[attr-defined]  # a pair of streams in memory
        await bench.client.received()
        gate.set()

        assert (await bench.client.received(), bench.client.closed) == ([answer(2)], True)


async def test_a_piece_with_the_largest_tag_is_answered_with_that_tag() -> None:
    async with served() as bench:
        assert await bench.client.ask(dispatch(0x7FFFFF)) == [answer(0x7FFFFF)]


async def test_pieces_without_end_end_the_connection() -> None:
    piece = frame(TDISPATCH, MORE | 2, bytes(60))

    async with served(how=Serving(limits(mux_max_frame_bytes=100))) as bench:
        await bench.client.ask(piece, piece)

    assert bench.client.closed


async def test_a_handshake_is_answered() -> None:
    async with served() as bench:
        marker = await bench.client.ask(MARKER)
        init = await bench.client.ask(TINIT)

    assert (marker, init) == ([MARKER], [TINIT.replace("44000001", "bc000001")])


async def test_a_client_that_never_reads_is_not_read_from_and_then_given_up(
    autojump_clock: trio.testing.MockClock,
) -> None:
    big = bytes(1 << 20)

    async def large(_request: MuxRequest) -> MuxReply:
        return MuxReply(0, big)

    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    switch, asked = Switch(large), 0
    with theirs:
        theirs.setblocking(False)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(
                serve(Serving(limits(stream_idle_timeout_s=5))), SocketConnection(ours, "a client"), switch
            )
            for tag in range(2, 200):
                with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
                    theirs.send(dispatch(tag))
                    asked += 1
                await trio.testing.wait_all_tasks_blocked()
            begun = len(switch.connections)
            await trio.sleep(6)

    assert (begun, switch.connections) == (1, set())
    assert asked > 10


@given(st.binary(max_size=200), st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_survived(data: bytes, shape: int) -> None:
    kinds = (None, wire.TDISPATCH, wire.TREQ, wire.TDISCARDED, wire.TINIT)
    kind = kinds[shape]
    sent = data if kind is None else frame(kind, 2, data)

    async def try_it() -> list[str]:
        async with served() as bench:
            await bench.client.ask(dispatch(0x7000), sent)
            return await bench.client.ask(TPING) if not bench.client.closed else ["closed"]

    answers = trio.run(try_it)

    assert answers == ["closed"] or kind is None or RPING in answers
