"""Messages in pieces."""

import pytest

from mesh_plugins.mux.fragments import Fragments, pieces
from mesh_plugins.mux.wire import RDISPATCH, TDISPATCH, TPING, Undecodable, frame

MORE = 0x800000


def piece(tag: int, body: bytes, kind: int = RDISPATCH) -> bytes:
    return frame(kind, tag, body)[4:]


def test_pieces_become_the_message_they_are_of() -> None:
    fragments = Fragments(100, 10)

    found = [
        fragments.add(piece(MORE | 2, b"ab")),
        fragments.add(piece(MORE | 2, b"cd")),
        fragments.add(piece(2, b"e")),
    ]

    assert found == [None, None, piece(2, b"abcde")]
    assert fragments.open == {}


def test_pieces_of_different_messages_may_alternate() -> None:
    fragments = Fragments(100, 10)

    found = [
        fragments.add(piece(MORE | 2, b"a")),
        fragments.add(piece(MORE | 3, b"x")),
        fragments.add(piece(3, b"y")),
        fragments.add(piece(2, b"b")),
    ]

    assert found == [None, None, piece(3, b"xy"), piece(2, b"ab")]


def test_a_message_in_one_piece_is_handed_on_as_it_is() -> None:
    whole = piece(3, b"xy")

    assert Fragments(100, 10).add(whole) is whole


def test_a_message_that_was_given_up_begins_anew() -> None:
    fragments = Fragments(100, 10)
    fragments.add(piece(MORE | 2, b"ab"))

    fragments.drop(2)
    fragments.drop(7)

    assert fragments.add(piece(2, b"cd")) == piece(2, b"cd")


def test_a_ping_never_comes_in_pieces() -> None:
    with pytest.raises(Undecodable, match="in pieces"):
        Fragments(100, 10).add(piece(MORE | 1, b"", TPING))


def test_a_message_that_grows_too_long_is_refused() -> None:
    fragments = Fragments(100, 10)
    fragments.add(piece(MORE | 2, bytes(90)))

    with pytest.raises(Undecodable, match="longer than 100") as refused:
        fragments.add(piece(MORE | 2, bytes(90)))

    assert refused.value.tag == 2


def test_too_many_unfinished_messages_are_refused() -> None:
    fragments = Fragments(100, 2)
    fragments.add(piece(MORE | 2, b"a"))
    fragments.add(piece(MORE | 3, b"a"))

    with pytest.raises(Undecodable, match="more than 2"):
        fragments.add(piece(MORE | 4, b"a"))


def test_unfinished_messages_are_bounded_together() -> None:
    fragments = Fragments(100, 100)
    for tag in range(2, 7):
        fragments.add(piece(MORE | tag, bytes(80)))

    with pytest.raises(Undecodable, match="together"):
        fragments.add(piece(MORE | 7, bytes(80)))


@pytest.mark.parametrize("window", range(1, 12))
def test_a_message_is_cut_into_pieces_that_become_it_again(window: int) -> None:
    whole = frame(TDISPATCH, 2, b"0123456789")
    fragments = Fragments(100, 10)

    cut = list(pieces(whole, window))

    assert [found for found in (fragments.add(part[4:]) for part in cut) if found is not None] == [whole[4:]]
    assert max(len(part) - 8 for part in cut) <= window
    assert all(int.from_bytes(part[:4]) == len(part) - 4 for part in cut)
