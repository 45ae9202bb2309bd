"""One attempt as a frame."""

import pytest

from mesh import AttemptTimeout, Body, Buffered, DeadlineExceeded, Expiry, LocalProtocolError, Path, TraceId
from mesh_plugins.finagle.contexts import DEADLINE, RETRIES, TRACE, pack_deadline, read_deadline
from mesh_plugins.mux.attempt import encode_attempt
from mesh_plugins.mux.calls import decode_dispatch, decode_request
from mesh_plugins.mux.message import MuxRequest


def call() -> MuxRequest:
    request = MuxRequest(Path.read("/rest"), Buffered(b"hi"), [(b"other", b"x")])
    request.context.span = TraceId.of(7)
    request.context.attempt = 2
    return request


def read(frame: bytes) -> MuxRequest:
    return decode_dispatch(frame[4:])


def test_an_attempt_says_what_it_is_and_passes_the_rest_on() -> None:
    request = call()

    found = read(encode_attempt(request, 5, 0.0, is_plain=False))

    assert found.contexts == [
        (TRACE, TraceId.of(7).packed),
        (RETRIES, b"\x00\x00\x00\x02"),
        (b"other", b"x"),
    ]
    assert (found.destination, found.body.buffered) == (Path.read("/rest"), b"hi")


def test_a_timeout_is_told_as_a_deadline() -> None:
    request = call()
    request.context.expiry = Expiry(12.0, AttemptTimeout, "late")

    found = dict(read(encode_attempt(request, 5, 10.0, is_plain=False)).contexts)

    times = read_deadline(found[DEADLINE])
    assert times is not None
    assert times[1] - times[0] == 2_000_000_000


def test_a_deadline_is_passed_on_as_it_came() -> None:
    request = call()
    request.deadline = pack_deadline(5, 7)
    request.context.expiry = Expiry(12.0, DeadlineExceeded, "late", stays=True)

    found = dict(read(encode_attempt(request, 5, 10.0, is_plain=False)).contexts)

    assert found[DEADLINE] == pack_deadline(5, 7)


def test_a_plain_attempt_has_its_trace_alone() -> None:
    found = decode_request(encode_attempt(call(), 5, 0.0, is_plain=True)[4:])

    assert (found.contexts, found.body.buffered) == ([(TRACE, TraceId.of(7).packed)], b"hi")


def test_a_payload_must_be_in_memory() -> None:
    request = call()
    request.body = Body()

    with pytest.raises(LocalProtocolError):
        encode_attempt(request, 5, 0.0, is_plain=False)
