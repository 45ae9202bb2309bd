"""Bodies that are kept while they are sent."""

import pytest
import trio
import trio.testing

from mesh import Body, LocalProtocolError, UpstreamBroken
from mesh.testing import Trickle
from mesh_plugins.filters.replay import Recording


async def whole(body: Body) -> bytes:
    content = b""
    while piece := await body.receive():
        content += piece
    return content


async def test_each_attempt_reads_the_whole_body() -> None:
    source = Trickle(b"ab", b"c", size=3)
    recording = Recording(source, 100)

    attempts = [await whole(recording.body()) for _ in range(3)]

    assert (attempts, source.pulled) == ([b"abc"] * 3, 3)


async def test_an_attempt_goes_on_where_an_earlier_one_stopped_receiving() -> None:
    source = Trickle(b"ab", b"c", size=3, trailers={"x": "y"})
    recording = Recording(source, 100)
    await recording.body().receive()

    later = recording.body()
    content = await whole(later)

    assert (content, source.pulled, later.size, later.trailers) == (b"abc", 3, 3, [(b"x", b"y")])


async def test_a_body_that_has_come_as_a_whole_is_in_memory() -> None:
    recording = Recording(Trickle(b"ab", b"c", size=3), 100)
    before = recording.body().buffered

    await whole(recording.body())

    assert (before, recording.body().buffered) == (None, b"abc")


async def test_the_end_is_the_end_again_and_again() -> None:
    body = Recording(Trickle(b"ab", size=2), 100).body()
    await whole(body)

    assert (await body.receive(), await body.receive()) == (b"", b"")


async def test_an_attempt_waits_for_the_one_before_to_leave(nursery: trio.Nursery) -> None:
    send, receive = trio.open_memory_channel[bytes](0)
    source = Trickle(size=2)
    source.receive = receive.receive  # type: ignore[method-assign]  # a client that sends when the test says so
    recording = Recording(source, 100)
    scope = trio.CancelScope()

    async def first() -> None:
        with scope:
            await recording.body().receive()

    nursery.start_soon(first)
    await trio.testing.wait_all_tasks_blocked()
    scope.cancel()
    nursery.start_soon(send.send, b"ab")

    assert await recording.body().receive() == b"ab"


async def test_no_two_attempts_receive_at_a_time(nursery: trio.Nursery) -> None:
    source = Trickle(size=2)
    source.receive = trio.sleep_forever  # type: ignore[method-assign]  # a client that stalls
    recording = Recording(source, 100)
    nursery.start_soon(recording.body().receive)
    await trio.testing.wait_all_tasks_blocked()

    with pytest.raises(LocalProtocolError, match="an attempt began to send its body"):
        await recording.body().receive()

    nursery.cancel_scope.cancel()


async def test_what_broke_the_body_breaks_each_attempt_that_comes_so_far() -> None:
    recording = Recording(Trickle(b"ab", error=LocalProtocolError("broke"), size=3), 100)

    for _ in range(2):
        with pytest.raises(LocalProtocolError, match="broke"):
            await whole(recording.body())


async def test_a_body_that_is_too_long_is_kept_no_more_and_read_to_its_end_once() -> None:
    recording = Recording(Trickle(b"ab", b"cd", b"ef"), 3)
    body = recording.body()

    pieces = [await body.receive() for _ in range(4)]

    assert (pieces, recording.overflowed, recording.pieces) == ([b"ab", b"cd", b"ef", b""], True, [])


async def test_as_many_bytes_as_may_be_kept_are() -> None:
    recording = Recording(Trickle(b"ab", b"cd"), 4)
    first = recording.body()
    while await first.receive():
        pass

    assert (recording.body().buffered, recording.overflowed) == (b"abcd", False)


async def test_an_attempt_does_not_end_where_an_earlier_one_took_a_piece_that_was_not_kept() -> None:
    recording = Recording(Trickle(b"a", b"bc"), 2)
    earlier, later = recording.body(), recording.body()
    before = [await earlier.receive(), await later.receive()]
    await earlier.receive()

    with pytest.raises(UpstreamBroken, match="had taken too much of its body"):
        await later.receive()

    assert (before, await earlier.receive()) == ([b"a", b"a"], b"")


async def test_trailers_of_a_body_that_has_come_are_sent_again() -> None:
    recording = Recording(Trickle(b"a", trailers={"x": "y"}), 100)
    await whole(recording.body())

    again = recording.body()

    assert (again.buffered, await whole(again), again.trailers) == (None, b"a", [(b"x", b"y")])


async def test_a_body_that_broke_says_so() -> None:
    source = Trickle(error=LocalProtocolError("broke"), size=3)
    body = Recording(source, 100).body()
    with pytest.raises(LocalProtocolError):
        await body.receive()

    assert body.broke


async def test_what_was_kept_goes_with_the_next_piece() -> None:
    recording = Recording(Trickle(b"a", b"b", b"c"), 100)
    body = recording.body()
    first = await body.receive()
    recording.keep_no_more()

    rest = [await body.receive() for _ in range(3)]

    assert (first, rest, recording.pieces) == (b"a", [b"b", b"c", b""], [])
