import socket
from collections.abc import Iterator

import pytest

from tests.bench.errors import ReplyError
from tests.bench.mux_echo import answer
from tests.bench.mux_load import Calls, dispatch

FRAMES = [dispatch(tag, "/echo") for tag in (2, 3)]


@pytest.fixture
def ends() -> Iterator[tuple[Calls, socket.socket]]:
    """Calls on a connection, and what is at its other end."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Calls(ours, FRAMES), theirs


def test_every_answer_is_followed_by_a_call_with_its_tag(ends: tuple[Calls, socket.socket]) -> None:
    calls, theirs = ends
    calls.begin()
    first, second = answer(theirs.recv(65536))[0][:75], answer(FRAMES[0])[0]

    theirs.sendall(first + second)
    calls.go_on()

    assert (calls.answered, theirs.recv(65536)) == (2, FRAMES[0] * 2)


def test_an_answer_may_come_in_pieces(ends: tuple[Calls, socket.socket]) -> None:
    calls, theirs = ends
    whole = answer(FRAMES[1])[0]

    for piece in (whole[:3], whole[3:20], whole[20:]):
        theirs.sendall(piece)
        calls.go_on()

    assert (calls.answered, theirs.recv(65536)) == (1, FRAMES[1])


def test_a_refusal_ends_the_measurement(ends: tuple[Calls, socket.socket]) -> None:
    calls, theirs = ends

    theirs.sendall(bytes.fromhex("00000007fe000002020000"))

    with pytest.raises(ReplyError):
        calls.go_on()
