"""Both engines fed the same frames, right ones and wrong ones: whatever the fast engine passes on, the reference does too.

The engines may refuse in different ways, and either may be the stricter one. What must not be: the fast engine tells an
owner what the reference refused, or the two tell different things. `MILDER` lists where the fast engine goes on although the
library does not, each with the reason.
"""

import contextlib
import struct
from collections.abc import Iterator

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh import LocalProtocolError
from mesh_plugins.http2.engine import ConnectionFailed, Engine
from mesh_plugins.http2.frames import (
    CONTINUATION,
    DATA,
    GOAWAY,
    HEADERS,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from mesh_plugins.http2.options import Options
from tests.plugins.http2.driving import GET, POST, block, frame, frames_of
from tests.plugins.http2.pairs import SERVERS, Owner

MILDER = {
    10: "ALTSVC from a client: RFC 7838 section 4 has a server ignore it",
    RST_STREAM: "for a stream that is over: RFC 9113 section 5.1 lets it come late, h2 has forgotten the stream",
}
"""By type of frame. Besides, whatever comes for a stream that was reset by the engine is ignored: RFC 9113 section 5.1 has the
peer's frames on their way, where h2 ends the connection once it has forgotten the stream."""

STREAMS = st.sampled_from([1, 1, 1, 3, 3, 5, 7, 0, 2])
SIZED = POST + block((b"content-length", b"3"))
BLOCKS = st.sampled_from(
    [
        GET,
        GET,
        POST,
        POST,
        SIZED,
        GET + block((b"x-a", b"1"), (b"cookie", b"a=1"), (b"cookie", b"b=2")),
        GET + block((b"host", b"b.test")),
        GET + block((b"Upper", b"1")),
        GET + block((b"connection", b"close")),
        GET + block((b"x-a", b"1\r\n2")),
        b"\x82\x86\x84\x41\x06a.test",
        b"\x82\x86\x84\xbe",
        block((b"x-trailer", b"1")),
        block((b":status", b"200")),
        b"\x20" + GET,
        b"\x3f\xe1\x7f",
        b"\xff\x00",
        b"",
    ]
)
DATA_PIECES = st.sampled_from([b"abc", b"a", b"", b"\x01ab\0", b"\xffab", b"x" * 20000])
NUMBERS = st.sampled_from([0, 1, 8, 65535, 2**31 - 1])
NAMES = st.integers(0, 9)


def _number(value: int) -> bytes:
    return struct.pack(">I", value)


def _settings(values: list[tuple[int, int]]) -> bytes:
    return b"".join(struct.pack(">HI", *value) for value in values)


RIGHT = st.one_of(
    st.builds(frame, st.just(HEADERS), st.sampled_from([5, 5, 5, 4, 4, 0, 1, 0x25, 0x0D]), STREAMS, BLOCKS),
    st.builds(frame, st.just(CONTINUATION), st.sampled_from([4, 0]), STREAMS, BLOCKS),
    st.builds(frame, st.just(DATA), st.sampled_from([0, 1, 1, 8, 9]), STREAMS, DATA_PIECES),
    st.builds(frame, st.just(RST_STREAM), st.just(0), STREAMS, st.builds(_number, NUMBERS)),
    st.builds(frame, st.just(WINDOW_UPDATE), st.just(0), STREAMS, st.builds(_number, NUMBERS)),
    st.builds(
        frame,
        st.just(SETTINGS),
        st.sampled_from([0, 0, 1]),
        st.sampled_from([0, 0, 0, 1]),
        st.builds(_settings, st.lists(st.tuples(NAMES, NUMBERS), max_size=2)),
    ),
    st.builds(frame, st.just(PING), st.sampled_from([0, 1]), st.sampled_from([0, 1]), st.just(bytes(8))),
    st.builds(frame, st.just(PRIORITY), st.just(0), STREAMS, st.just(b"\0\0\0\x05\0")),
    st.builds(frame, st.just(GOAWAY), st.just(0), st.sampled_from([0, 0, 1]), st.just(bytes(8))),
    st.builds(frame, st.integers(10, 255), st.integers(0, 255), STREAMS, st.binary(max_size=5)),
)


def _changed(data: bytes, at: int, bit: int) -> bytes:
    """Return a frame with one bit changed behind the length, so that the frames after it stand where they stood."""
    at = 3 + at % (len(data) - 3)
    return data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


FRAMES = st.one_of(RIGHT, RIGHT, RIGHT, st.builds(_changed, RIGHT, st.integers(0, 200), st.integers(0, 7)))
STEPS = st.lists(st.one_of(FRAMES, FRAMES, FRAMES, st.sampled_from([1, 3, 5])), max_size=16)


@attrs.define(eq=False)
class Side:
    """One engine and what it said and did in the last step."""

    engine: Engine
    owner: Owner
    known: dict[int, int] = attrs.Factory(dict)
    told: list[object] = attrs.Factory(list)
    resets: set[int] = attrs.Factory(set)
    reset_before: set[int] = attrs.Factory(set)
    dead: bool = False

    def take(self, step: bytes | int) -> None:
        """Feed a frame, or answer a stream."""
        if isinstance(step, bytes):
            try:
                self.engine.feed(step)
            except ConnectionFailed:
                self.dead = True
        else:
            with contextlib.suppress(LocalProtocolError):
                self._answer(step)
        self.reset_before |= self.resets
        output = frames_of(self.engine.take_output())
        self.resets = {stream for kind, _, stream, _ in output if kind == RST_STREAM}
        self.told = list(self._new())

    def _answer(self, stream: int) -> None:
        if stream in self.owner.streams and not self._was_answered(stream):
            self.owner.told.append(("answered", stream))
            self.engine.reply(stream, 200, [(b"x-a", b"1")], 2, ends=False)
            self.engine.send_data(stream, b"ok", ends=True)

    def _was_answered(self, stream: int) -> bool:
        return ("answered", stream) in self.owner.told

    def _new(self) -> Iterator[object]:
        for stream, head in self.owner.requests.items():
            if stream not in self.known:
                self.known[stream] = 0
                yield stream, attrs.evolve(head, size=head.size or None)  # without a body, 0 says no more than nothing
            notes = self.owner.streams[stream].told
            for note in notes[self.known[stream] :]:
                if note[0] in ("data", "trailers"):
                    yield stream, note
            self.known[stream] = len(notes)


def side(engine: str) -> Side:
    owner = Owner()
    made = Side(SERVERS[engine](owner, Options(), float), owner)
    made.take(PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0))
    return made


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_the_fast_engine_passes_nothing_on_that_the_reference_refuses(steps: list[bytes | int]) -> None:
    fast, reference = side("fast"), side("reference")

    for step in steps:
        fast.take(step)
        reference.take(step)

        if fast.dead or fast.resets - reference.resets:
            return  # the fast engine refuses, whatever the other does
        if reference.dead or reference.resets - fast.resets:
            assert fast.told == [] or fast.resets
            assert isinstance(step, bytes)
            [(kind, _, stream, _)] = frames_of(step)
            assert fast.resets or stream in fast.reset_before or kind in MILDER, (kind, stream)
            return
        assert fast.told == reference.told
