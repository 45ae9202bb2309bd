"""What a payload says of its call."""

import pytest

from mesh import Buffered, Outcome, Path, Unavailable, Unidentified
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import ERROR, NACK, OK
from mesh_plugins.thrift.exceptions import ExceptionType, write_exception
from mesh_plugins.thrift.message import BINARY, COMPACT
from mesh_plugins.thrift.wire import CALL, REPLY, Malformed
from mesh_plugins.thriftmux import methods
from mesh_plugins.thriftmux.methods import by_method, classify, failure_name, head_of

SVC = Path.read("/svc")
EXCEPTION = write_exception(BINARY, b"get", 1, ExceptionType.INTERNAL_ERROR, "no")


def call(method: bytes = b"get", destination: str = "/") -> MuxRequest:
    return MuxRequest(Path.read(destination), Buffered(BINARY.message(CALL, method, 1, b"\0")))


@pytest.mark.parametrize("encoding", [BINARY, COMPACT])
def test_the_head_of_a_message_is_read_whatever_its_encoding(encoding: object) -> None:
    assert head_of((BINARY if encoding is BINARY else COMPACT).message(CALL, b"get", 7, b"\0"))[:3] == (CALL, b"get", 7)


@pytest.mark.parametrize("payload", [b"", b"\x80\x01\x00\x01\x00\x00", b"hi"])
def test_a_payload_that_is_no_thrift_is_malformed(payload: bytes) -> None:
    with pytest.raises(Malformed):
        head_of(payload)


@pytest.mark.parametrize(
    ("method", "destination", "in_dst", "expected"),
    [
        (b"get", "/", False, "/svc"),
        (b"get", "/", True, "/svc/get"),
        (b"users:get", "/", False, "/svc/users"),
        (b"users:get", "/a/b", True, "/svc/a/b/users/get"),
        (b"get", "/a/b", False, "/svc/a/b"),
    ],
)
def test_a_call_is_named_by_destination_service_and_method(
    method: bytes, destination: str, in_dst: bool, expected: str
) -> None:
    assert by_method(SVC, method_in_dst=in_dst)(call(method, destination)) == Path.read(expected)


def test_people_call_a_call_by_its_method() -> None:
    asked = call(b"users:get", "/a/b")

    by_method(SVC, method_in_dst=False)(asked)

    assert asked.method == b"users:get"


def test_names_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "MEMO", 2)
    name = by_method(SVC, method_in_dst=True)

    assert [name(call(b"m%d" % number)).show() for number in range(4)] == [f"/svc/m{number}" for number in range(4)]


def test_a_call_without_a_thrift_message_has_no_name() -> None:
    with pytest.raises(Unidentified):
        by_method(SVC, method_in_dst=False)(MuxRequest(Path(), Buffered(b"")))


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (MuxReply(OK, BINARY.message(REPLY, b"get", 1, b"\0")), Outcome.SUCCESS),
        (MuxReply(OK, EXCEPTION), Outcome.FAILURE),
        (MuxReply(OK, b"what?"), Outcome.FAILURE),
        (MuxReply(OK, b""), Outcome.SUCCESS),
        (MuxReply(ERROR, b"no"), Outcome.FAILURE),
        (MuxReply(NACK), Outcome.RETRYABLE),
        (Unavailable("no"), Outcome.RETRYABLE),
    ],
)
def test_an_exception_in_an_answer_makes_it_a_failure(result: MuxReply | Unavailable, expected: Outcome) -> None:
    assert classify(call(), result) is expected


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (MuxReply(OK, EXCEPTION), "TApplicationException/INTERNAL_ERROR"),
        (MuxReply(OK, BINARY.message(REPLY, b"get", 1, b"\x0c\0\1\0\0")), "DeclaredException"),
        (MuxReply(OK, b"hi"), "Malformed"),
        (MuxReply(OK), None),
        (MuxReply(ERROR, EXCEPTION), "ServerApplicationError"),
        (MuxReply(NACK), "RequestNackedException"),
    ],
)
def test_a_failure_is_named_by_its_status_and_its_payload(reply: MuxReply, name: str | None) -> None:
    assert failure_name(reply) == name
