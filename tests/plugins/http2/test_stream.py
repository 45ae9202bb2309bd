from mesh_plugins.http2.stream import Closed


def test_who_reset_a_stream_is_remembered() -> None:
    closed = Closed()

    closed.add(1, by_peer=False)
    closed.add(3, by_peer=True)

    assert [closed.was_reset_here(number) for number in (1, 3, 5)] == [True, False, False]
    assert [closed.was_reset_by_peer(number) for number in (1, 3, 5)] == [False, True, False]


def test_what_was_forgotten_is_taken_for_reset_here() -> None:
    closed = Closed()

    for number in range(1, 5001, 2):
        closed.add(number, by_peer=False)

    assert closed.was_reset_here(1)
    assert closed.was_reset_here(4999)
    assert not closed.was_reset_here(5001)
    assert len(closed._ids) == 1024


def test_ids_that_were_skipped_are_remembered() -> None:
    closed = Closed()

    closed.skip(3, 8)

    assert [closed.was_skipped(number) for number in (1, 3, 8, 9)] == [False, True, True, False]
