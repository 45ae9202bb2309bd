"""What a client is told of what went wrong."""

import logging

import pytest

from mesh import DeadlineExceeded, MeshError, Metrics, Overloaded, RemoteProtocolError, Reply, Unidentified, Unroutable
from mesh.testing import Scripted
from mesh_plugins.filters.failures import FailuresByError
from mesh_plugins.thrift.errors import Errors, type_of
from mesh_plugins.thrift.exceptions import ExceptionType, exception, failure_name
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, read_request
from mesh_plugins.thrift.wire import CALL, ONEWAY
from tests.plugins.rest import numbers


def asked(kind: int = CALL) -> ThriftRequest:
    return read_request(BINARY.message(kind, b"echo", 7, b"\0"))


async def answered(error: Exception | Reply, request: ThriftRequest, scope: Metrics | None = None) -> ThriftReply:
    return await Errors(FailuresByError(scope or Metrics(), failure_name))(request, Scripted(error))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (Unidentified("x"), ExceptionType.UNKNOWN_METHOD),
        (RemoteProtocolError("x"), ExceptionType.PROTOCOL_ERROR),
        (Unroutable("x"), ExceptionType.INTERNAL_ERROR),
        (Overloaded("x"), ExceptionType.INTERNAL_ERROR),
        (DeadlineExceeded("x"), ExceptionType.INTERNAL_ERROR),
    ],
)
def test_each_error_has_a_type(error: MeshError, kind: ExceptionType) -> None:
    assert type_of(error) is kind


async def test_an_error_is_told_as_linkerd_tells_it() -> None:
    request = asked()

    reply = await answered(Unroutable("no such name"), request)

    assert b"Internal error processing echo: 'Unroutable: no such name'" in (reply.body.buffered or b"")
    assert (reply.is_exception, reply.head.seqid, reply.outcome) == (True, 7, False)
    assert request.context.flags == "NR unroutable"


async def test_a_one_way_call_is_told_nothing() -> None:
    reply = await answered(Unroutable("no such name"), asked(ONEWAY))

    assert (reply.closed, reply.body.size, reply.outcome) == (True, 0, False)


async def test_what_a_filter_raises_is_told_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        reply = await answered(ValueError("oh"), asked())

    assert b"ValueError: oh" in (reply.body.buffered or b"")
    assert "raised" in caplog.text


async def test_what_the_client_did_is_not_counted_as_our_failure() -> None:
    assert (await answered(Unidentified("x"), asked())).outcome is True


async def test_our_failures_are_counted_by_their_errors() -> None:
    scope = Metrics()

    for error in (Unroutable("x"), Unidentified("x"), ValueError("x")):
        await answered(error, asked(), scope)

    assert numbers(scope) == {"failures/Unroutable": 1, "failures/ValueError": 1}


async def test_an_endpoint_s_failures_are_counted_by_their_types() -> None:
    scope = Metrics()
    reply = exception(BINARY, asked().head, ExceptionType.MISSING_RESULT, "sad")
    reply.outcome = False

    await answered(reply, asked(), scope)

    assert numbers(scope) == {"failures/TApplicationException/MISSING_RESULT": 1}


async def test_a_reply_passes() -> None:
    reply = Reply()

    assert await answered(reply, asked()) is reply
