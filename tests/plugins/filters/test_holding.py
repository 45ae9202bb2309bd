"""Replies that are held back until there is something in them."""

import trio
from trio.testing import MockClock

from mesh import Body, UpstreamBroken
from mesh.testing import Trickle, reply
from mesh_plugins.filters.holding import hold


class Slow(Body):
    """A body whose first piece takes its time."""

    async def receive(self) -> bytes:
        await trio.sleep(1.0)
        return b"late"


async def _all(body: Body) -> list[bytes]:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    return pieces


async def test_a_reply_is_held_until_its_first_piece_and_loses_nothing() -> None:
    body = Trickle(b"a", b"b", size=2, trailers={"x": "y"})
    held = reply(200, body)

    result = await hold(held)

    assert (result, held.body.size, held.whole) == (held, 2, False)
    assert (await _all(held.body), held.body.trailers, held.body.broke) == ([b"a", b"b"], [(b"x", b"y")], False)


async def test_one_that_ends_at_once_is_whole_and_has_its_trailers() -> None:
    held = reply(200, Trickle(trailers={"grpc-status": "14"}))

    await hold(held)

    assert (held.whole, held.body.size, held.body.trailers) == (True, 0, [(b"grpc-status", b"14")])


async def test_one_that_breaks_off_at_once_is_closed_and_its_error_returned() -> None:
    broken = UpstreamBroken("reset")
    held = reply(200, Trickle(error=broken))

    assert (await hold(held), held.closed) == (broken, True)


async def test_one_that_breaks_off_later_says_so() -> None:
    held = reply(200, Trickle(b"a", error=UpstreamBroken("reset")))
    await hold(held)
    pieces = [await held.body.receive()]
    try:
        await held.body.receive()
    except UpstreamBroken:
        pieces.append(b"broken")

    assert (pieces, held.body.broke) == ([b"a", b"broken"], True)


async def test_nobody_waits_long(autojump_clock: MockClock) -> None:
    held = reply(200, Slow())
    before = held.body

    result = await hold(held)

    assert (result, held.body is before, trio.current_time()) == (None, True, 0.1)
