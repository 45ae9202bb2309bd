"""The body that comes in on a stream."""

import math
from collections.abc import Callable

import pytest
import trio
import trio.testing

from mesh import Body, ClientGone, Context
from mesh_plugins.access_log.counted import Counted
from mesh_plugins.grpc.endings import Ending
from mesh_plugins.http.compression import Compressed
from mesh_plugins.http.gathered import Gathered, Trailed
from mesh_plugins.http2.inflow import LARGE, Flow, Inflow


class Window(Flow):
    """Notes what is given back."""

    def __init__(self) -> None:
        self.given: list[int] = []

    def give_back(self, stream: int, cost: int) -> None:
        self.given.append(cost)

    def wait_until(self, limit: float = math.inf) -> float:
        return min(10.0, limit)


async def test_what_has_come_is_read_at_once_and_given_back() -> None:
    window = Window()
    body = Inflow(window, None)
    body.put(b"ab", 3, ends=False)
    body.put(b"c", 1, ends=False)
    kept = window.given.copy()

    piece = await body.receive()

    assert (piece, kept, window.given) == (b"abc", [], [4])


async def test_a_reader_waits_for_the_next_piece_and_for_the_end(nursery: trio.Nursery) -> None:
    body, read = Inflow(Window(), None), list[bytes]()

    async def receive() -> None:
        while piece := await body.receive():
            read.append(piece)
        read.append(b"")

    nursery.start_soon(receive)
    await trio.testing.wait_all_tasks_blocked()
    waits = body.waits_until
    body.put(b"a", 1, ends=False)
    await trio.testing.wait_all_tasks_blocked()
    body.end([(b"x", b"y")])
    await trio.testing.wait_all_tasks_blocked()

    assert (read, waits, body.trailers) == ([b"a", b""], 10.0, [(b"x", b"y")])


async def test_a_large_piece_is_handed_on_at_once_while_its_reader_waits(nursery: trio.Nursery) -> None:
    window, taken, read = Window(), list[bytes](), list[bytes]()
    body = Inflow(window, None)

    def take(piece: bytes) -> int:
        taken.append(piece[:-1])
        return len(piece) - (len(taken) == 2)

    async def receive() -> None:
        while piece := await body.receive():
            read.append(piece)

    body.on_piece = take
    body.put(bytes(LARGE), 1, ends=False)  # nobody waits yet
    nursery.start_soon(receive)
    await trio.testing.wait_all_tasks_blocked()
    body.put(bytes(LARGE), 2, ends=False)
    body.put(b"small", 3, ends=False)
    await trio.testing.wait_all_tasks_blocked()
    body.put(bytes(LARGE - 1) + b"x", 4, ends=False)  # of which a byte is left
    body.put(bytes(LARGE), 5, ends=True)
    await trio.testing.wait_all_tasks_blocked()

    assert [len(piece) for piece in taken] == [LARGE - 1, LARGE - 1]
    assert read == [bytes(LARGE), b"small", b"x" + bytes(LARGE)]
    assert window.given == [1, 2, 3, 9]


async def test_a_body_that_broke_off_raises_why() -> None:
    body = Inflow(Window(), None)
    body.put(b"a", 1, ends=False)

    body.fail(ClientGone("gone"))

    with pytest.raises(ClientGone):
        await body.receive()
    assert body.broke


async def test_a_body_that_has_ended_cannot_break() -> None:
    body = Inflow(Window(), None)
    body.put(b"a", 1, ends=True)

    body.fail(ClientGone("gone"))

    assert [await body.receive(), await body.receive()] == [b"a", b""]
    assert body.is_read


@pytest.mark.parametrize("size", [None, 1])
def test_a_body_that_came_with_its_head_is_in_memory(size: int | None) -> None:
    body = Inflow(Window(), size)
    body.put(b"a", 1, ends=True)

    found = body.gathered()

    assert found.buffered == b"a"
    assert isinstance(found, Gathered) == (size is None)


def test_its_trailers_may_have_come_too() -> None:
    body = Inflow(Window(), None)
    body.put(b"a", 1, ends=False)
    body.end([(b"x", b"y")])

    found = body.gathered()

    assert isinstance(found, Trailed)
    assert found.trailers == [(b"x", b"y")]


async def test_a_short_body_is_waited_for_as_a_whole(nursery: trio.Nursery) -> None:
    body, done = Inflow(Window(), 2), list[bool]()

    async def wait() -> None:
        await body.wait_whole()
        done.append(body.ended)

    nursery.start_soon(wait)
    await trio.testing.wait_all_tasks_blocked()
    body.put(b"a", 1, ends=False)
    await trio.testing.wait_all_tasks_blocked()
    before = done.copy()
    body.put(b"b", 1, ends=True)
    await trio.testing.wait_all_tasks_blocked()

    assert (before, done) == ([], [True])


async def test_who_watches_is_told_of_a_break_but_not_after_the_end() -> None:
    broken, ended = Inflow(Window(), None), Inflow(Window(), None)
    told: list[str] = []
    broken.watch(lambda: told.append("broken"))
    ended.watch(lambda: told.append("ended"))

    broken.fail(ClientGone("gone"))
    ended.put(b"a", 1, ends=True)
    ended.fail(ClientGone("gone"))

    assert told == ["broken"]


@pytest.mark.parametrize(
    "wrap",
    [
        Counted,
        lambda body: Compressed(body, 1, "gzip"),
        lambda body: Ending(body, Context(0.0), hides=False),
    ],
)
def test_bodies_around_it_are_told_too(wrap: Callable[[Body], Body]) -> None:
    inside, told = Inflow(Window(), None), list[str]()
    wrap(inside).watch(lambda: told.append("cut"))

    inside.fail(ClientGone("gone"))

    assert told == ["cut"]
