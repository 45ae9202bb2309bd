"""The body of a request while it comes, over a source that the test fills."""

import pytest
import trio

from mesh import EMPTY, ClientGone, Fields, HttpReply, LocalProtocolError
from mesh.testing import Trickle
from mesh_plugins.http1.client_body import DRAIN_BYTES, ClientBody
from mesh_plugins.http1.head import CHUNKED, RequestHead
from tests.waiting import settled


class Pieces:
    """A source of pieces, the last one empty; an error is raised in its turn. `called` counts the calls for the body."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = list(pieces)
        self.called: list[int] = []
        self.ends = 0
        self.more = trio.Event()

    async def receive_body(self) -> bytes:
        if not self.pieces:
            await self.more.wait()
        piece = self.pieces.pop(0)
        if isinstance(piece, Exception):
            raise piece
        return piece

    def body_trailers(self) -> Fields:
        return [(b"x-sum", b"1")]

    def check_hung_up(self) -> None:
        self.ends += 1

    async def send_interim(self, status: int, headers: Fields) -> None:
        self.called.append(status)


def head(size: int = CHUNKED, *, expects: bool = False) -> RequestHead:
    return RequestHead(b"PUT", b"/", (1, 1), [], size, True, expects, b"http", b"")


async def received(body: ClientBody) -> list[bytes]:
    pieces = []
    while piece := await body.receive():
        pieces.append(piece)
    return pieces


async def test_what_came_with_the_head_comes_first_and_the_trailers_last() -> None:
    source = Pieces(b"b", b"")
    body = ClientBody(source, head(), b"a")

    before = body.trailers
    pieces = await received(body)

    assert (before, pieces, body.trailers) == ([], [b"a", b"b"], [(b"x-sum", b"1")])
    assert (body.is_done, await body.receive(), source.ends) == (True, b"", 1)


@pytest.mark.parametrize(("size", "known"), [(5, 5), (CHUNKED, None)])
def test_its_size_is_what_the_head_said(size: int, known: int | None) -> None:
    assert ClientBody(Pieces(), head(size), b"").size == known


async def test_a_body_that_is_held_back_is_called_for_when_it_is_asked_for() -> None:
    source = Pieces(b"a", b"")
    body = ClientBody(source, head(expects=True), b"")

    called_before = list(source.called)
    await received(body)

    assert (called_before, source.called[0]) == ([], 100)


async def test_a_body_that_has_begun_is_not_called_for() -> None:
    source = Pieces(b"")

    await received(ClientBody(source, head(expects=True), b"a"))

    assert source.called == []


async def test_an_error_stays() -> None:
    body = ClientBody(Pieces(ClientGone("gone"), b"more"), head(), b"")

    for _time in range(2):
        with pytest.raises(ClientGone):
            await body.receive()


@pytest.mark.parametrize(
    ("size", "expects", "whole", "beyond"),
    [
        (DRAIN_BYTES, False, True, False),
        (DRAIN_BYTES + 1, False, True, True),
        (DRAIN_BYTES + 1, False, False, False),
        (CHUNKED, False, True, False),
        (5, True, False, True),
    ],
)
def test_a_reply_is_the_last_if_too_much_is_still_to_come(size: int, expects: bool, whole: bool, beyond: bool) -> None:
    reply = HttpReply(200, body=EMPTY if whole else Trickle(b"x"))

    assert ClientBody(Pieces(), head(size, expects=expects), b"").is_beyond_draining(reply) == beyond


async def test_a_reply_is_the_last_if_the_body_failed() -> None:
    body = ClientBody(Pieces(ClientGone("gone")), head(), b"")
    with pytest.raises(ClientGone):
        await body.receive()

    assert body.is_beyond_draining(HttpReply(502))


async def test_a_little_is_drained_and_nobody_can_receive_after() -> None:
    rest = ClientBody(Pieces(b"a", b"b", b""), head(), b"")
    long = ClientBody(Pieces(*[b"x" * 100] * 50), head(), b"")

    await rest.drain(1000)
    await long.drain(1000)

    assert (rest.is_done, long.is_done) == (True, False)
    with pytest.raises(LocalProtocolError):
        await long.receive()


async def test_draining_waits_for_a_cancelled_reader_that_has_bytes_in_its_hands() -> None:
    source = Pieces()
    body = ClientBody(source, head(), b"")
    found: list[bytes] = []

    async def read(scope: trio.CancelScope) -> None:
        with scope:
            found.append(await body.receive())
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        scope = trio.CancelScope()
        nursery.start_soon(read, scope)
        await settled()
        source.pieces += [b"mine", b""]
        source.more.set()  # from here on the reader cannot be stopped before it has taken a piece
        scope.cancel()
        await body.drain(1000)

    assert (found, source.pieces, body.is_done) == ([b"mine"], [], True)


async def test_a_reader_that_does_not_let_go_is_not_waited_for() -> None:
    body = ClientBody(Pieces(), head(), b"")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(body.receive)
        await settled()
        await body.drain(1000)
        nursery.cancel_scope.cancel()

    assert not body.is_done
