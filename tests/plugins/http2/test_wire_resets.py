"""How many streams a client may reset, or make the server reset."""

from mesh_plugins.http2.engine import CANCEL, ENHANCE_YOUR_CALM
from mesh_plugins.http2.frames import GOAWAY, RST_STREAM, WINDOW_UPDATE
from tests.plugins.http2.driving import feed, frame, get, post, server


def number(value: int) -> bytes:
    return value.to_bytes(4)


def rapid_reset(stream: int) -> bytes:
    return get(stream) + frame(RST_STREAM, 0, stream, number(CANCEL))


def test_resets_in_a_row_end_the_connection() -> None:
    made = server()

    assert feed(made.engine, *map(rapid_reset, range(1, 4001, 2))) == ENHANCE_YOUR_CALM
    assert len(made.notes.exchanges) <= 101
    assert made.take()[-1][0] == GOAWAY


def test_resets_that_this_side_is_made_to_send_count_too() -> None:
    made = server()
    provoked = (post(stream) + frame(WINDOW_UPDATE, 0, stream, number(0)) for stream in range(1, 2001, 2))

    assert feed(made.engine, *provoked) == ENHANCE_YOUR_CALM
    assert len(made.notes.exchanges) <= 101


def test_a_client_that_gives_up_now_and_then_goes_on() -> None:
    made = server()

    for stream in range(1, 4001, 8):
        made.take(rapid_reset(stream))
        for other in (stream + 2, stream + 4, stream + 6):
            made.take(get(other))
            made.engine.reply(other, 204, [], None, ends=True)

    assert feed(made.engine, get(4003)) is None


def test_resets_are_counted_for_a_while() -> None:
    made = server()

    for stream in range(1, 4001, 2):
        made.now[0] += 0.5
        assert feed(made.engine, rapid_reset(stream)) is None


def test_a_stream_that_was_answered_may_be_given_up() -> None:
    made = server()

    for stream in range(1, 4001, 2):
        made.take(get(stream))
        made.engine.reply(stream, 200, [], None, ends=False)
        assert feed(made.engine, frame(RST_STREAM, 0, stream, number(CANCEL))) is None
