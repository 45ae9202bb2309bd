"""The body that goes out on a stream."""

import pytest
import trio
import trio.testing

from mesh import Buffered, ClientGone, Context, DeadlineExceeded, Expiry, StreamReset
from mesh.testing import memory_connections
from mesh_plugins.grpc.endings import Ending
from mesh_plugins.http.gathered import Trailed
from mesh_plugins.http2.inflow import LARGE, Inflow
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.outflow import Outflow
from mesh_plugins.http2.outlet import Outlet
from tests.plugins.http2.pairs import Pair
from tests.plugins.http2.test_inflow import Window


def going_out(pair: Pair) -> tuple[int, Outflow]:
    """Begin a request whose body is sent piece by piece."""
    number, owner = pair.ask(b"POST", ends=False)
    near, _far = memory_connections()
    outflow = Outflow(pair.client, Outlet(near, pair.client, trio.current_time), Window(), number)
    owner.on_room = outflow.on_room  # type: ignore[method-assign]  # the owner passes it on
    return number, outflow


async def test_a_body_is_sent_as_room_comes(engine: str, nursery: trio.Nursery) -> None:
    pair = Pair(engine, server=Options(stream_window=10))
    number, outflow = going_out(pair)

    nursery.start_soon(outflow.pour, Buffered(bytes(15)))
    await trio.testing.wait_all_tasks_blocked()
    pair.exchange()
    waits, first = outflow.waits_until, pair.answering.streams[number].told.copy()
    pair.server.consumed(number, 10)
    pair.exchange()
    await trio.testing.wait_all_tasks_blocked()
    pair.exchange()

    assert (waits, first) == (10.0, [("data", bytes(10), 10, False)])
    assert outflow.done
    assert pair.answering.streams[number].told[-1][3] is True


async def test_trailers_come_last(engine: str) -> None:
    pair = Pair(engine)
    number, outflow = going_out(pair)

    await outflow.pour(Trailed(b"a", [(b"x", b"y")]))
    pair.exchange()

    assert pair.answering.streams[number].told == [("data", b"a", 1, False), ("trailers", [(b"x", b"y")])]


async def test_what_ends_it_is_raised_where_it_is_sent(engine: str, nursery: trio.Nursery) -> None:
    pair = Pair(engine, server=Options(stream_window=10))
    _number, outflow = going_out(pair)
    raised: list[Exception] = []

    async def pour() -> None:
        try:
            await outflow.pour(Buffered(bytes(15)))
        except ClientGone as error:
            raised.append(error)

    nursery.start_soon(pour)
    await trio.testing.wait_all_tasks_blocked()
    error = ClientGone("gone")
    outflow.fail(error)
    await trio.testing.wait_all_tasks_blocked()

    assert raised == [error]
    with pytest.raises(ClientGone):
        await outflow.send(b"more")


async def test_a_body_that_breaks_off_does_not_wait_for_a_slow_reader(engine: str, nursery: trio.Nursery) -> None:
    pair = Pair(engine, server=Options(stream_window=10))
    _number, outflow = going_out(pair)
    body = Inflow(Window(), None)
    body.put(bytes(15), 15, ends=False)
    raised: list[Exception] = []

    async def pour() -> None:
        try:
            await outflow.pour(body)
        except StreamReset as error:
            raised.append(error)

    nursery.start_soon(pour)
    await trio.testing.wait_all_tasks_blocked()
    before = raised.copy()
    body.fail(StreamReset("gone", code=8))
    await trio.testing.wait_all_tasks_blocked()

    assert (before, [str(error) for error in raised]) == ([], ["gone"])


async def test_what_comes_from_another_connection_is_passed_on_as_it_comes(engine: str, nursery: trio.Nursery) -> None:
    pair = Pair(engine, server=Options(stream_window=2 * LARGE))
    number, outflow = going_out(pair)
    body = Inflow(Window(), None)

    nursery.start_soon(outflow.pour, body)
    await trio.testing.wait_all_tasks_blocked()
    pair.exchange()
    for mark in (b"a", b"b", b"c"):
        body.put(mark * LARGE, LARGE, ends=mark == b"c")
    pair.exchange()  # before any task runs
    first = pair.answering.streams[number].told.copy()
    pair.server.consumed(number, 2 * LARGE)
    pair.exchange()
    await trio.testing.wait_all_tasks_blocked()
    pair.exchange()

    told = pair.answering.streams[number].told
    assert b"".join(piece for _, piece, _, _ in first) == b"a" * LARGE + b"b" * LARGE
    assert b"".join(piece for _, piece, _, _ in told[len(first) :]) == b"c" * LARGE
    assert told[-1][3] is True


@pytest.mark.parametrize("says", [True, False])
async def test_a_body_that_is_late_may_say_so_in_its_trailers(engine: str, nursery: trio.Nursery, says: bool) -> None:
    pair = Pair(engine, server=Options(stream_window=10))
    number, outflow = going_out(pair)
    outflow.expiry = expiry = Expiry(4.0, DeadlineExceeded, "late", stays=True)
    inside = Inflow(Window(), None)
    inside.put(bytes(15), 15, ends=False)
    raised: list[Exception] = []

    async def pour() -> None:
        try:
            await outflow.pour(Ending(inside, Context(0.0), hides=False))
        except DeadlineExceeded as error:
            raised.append(error)

    nursery.start_soon(pour)
    await trio.testing.wait_all_tasks_blocked()
    outflow.check(4.0, ClientGone("slow"))
    inside.fail(expiry.error()) if says else inside.put(b"more", 4, ends=True)
    await trio.testing.wait_all_tasks_blocked()
    pair.exchange()

    last = pair.answering.streams[number].told[-1]
    assert (last[0], [str(error) for error in raised]) == (("trailers", []) if says else ("data", ["late"]))


async def test_a_wait_ends_by_its_expiry_if_that_is_first(engine: str, nursery: trio.Nursery) -> None:
    pair = Pair(engine, server=Options(stream_window=10))
    _number, outflow = going_out(pair)
    outflow.expiry = Expiry(4.0, DeadlineExceeded, "late", stays=True)
    raised: list[Exception] = []

    async def send() -> None:
        try:
            await outflow.send(bytes(15))
        except DeadlineExceeded as error:
            raised.append(error)

    nursery.start_soon(send)
    await trio.testing.wait_all_tasks_blocked()
    waits = outflow.waits_until
    outflow.check(3.9, ClientGone("slow"))
    outflow.check(4.0, ClientGone("slow"))
    await trio.testing.wait_all_tasks_blocked()

    assert (waits, [str(error) for error in raised]) == (4.0, ["late"])
