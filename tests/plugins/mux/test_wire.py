"""Frames, found in a stream of bytes however it is cut."""

import pytest

from mesh_plugins.mux.wire import RERR, TPING, FrameReader, frame, signed, unknown
from tests.plugins.mux.ends import MARKER, RINIT
from tests.plugins.mux.ends import TPING as TPING_FRAME

STREAM = bytes.fromhex(MARKER + RINIT + TPING_FRAME)
FRAMES = [bytes.fromhex(MARKER)[4:], bytes.fromhex(RINIT)[4:], bytes.fromhex(TPING_FRAME)[4:]]


def test_a_frame_has_its_size_its_type_and_its_tag() -> None:
    assert frame(TPING, 0x10203, b"abc") == bytes.fromhex("00000007 41 010203 616263")


@pytest.mark.parametrize("tag", [-1, 1 << 24])
def test_a_tag_that_does_not_fit_is_refused(tag: int) -> None:
    with pytest.raises(ValueError, match="invalid tag number"):
        frame(TPING, tag)


def test_the_answer_has_the_negative_type_of_what_it_answers() -> None:
    assert [signed(kind) for kind in (TPING, RERR, 0xBF)] == [65, -128, -65]


@pytest.mark.parametrize("cut", range(len(STREAM) + 1))
def test_frames_are_found_wherever_the_stream_is_cut(cut: int) -> None:
    reader = FrameReader(100)

    frames = reader.feed(STREAM[:cut]) + reader.feed(STREAM[cut:])

    assert (frames, reader.is_within, reader.error) == (FRAMES, False, None)


def test_frames_are_found_byte_by_byte() -> None:
    reader = FrameReader(100)

    frames = [found for at in range(len(STREAM)) for found in reader.feed(STREAM[at : at + 1])]

    assert frames == FRAMES


def test_a_reader_knows_that_it_is_within_a_frame() -> None:
    reader = FrameReader(100)

    reader.feed(STREAM[:-1])

    assert reader.is_within


@pytest.mark.parametrize("size", [0, 3, 101, 0x47455420])
def test_a_frame_of_an_absurd_size_ends_the_stream_after_the_good_ones(size: int) -> None:
    reader = FrameReader(100)

    frames = reader.feed(STREAM + size.to_bytes(4, "big") + b"GET /")

    assert frames == FRAMES
    assert reader.error is not None


def test_an_unknown_type_is_told_in_finagles_words() -> None:
    error = unknown(0x82, 5, bytes(20))

    assert str(error).startswith("unknown message type: -126 [tag=5]. Payload bytes: 20. First 16 bytes")
    assert error.tag == 5
