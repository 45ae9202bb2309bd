"""Calls of plain Thrift to a service of Mux."""

import pytest

from mesh import Dtab, MeshError, Path, Switch, TraceId
from mesh.testing import Trickle
from mesh_plugins.finagle.contexts import CLIENT_ID, TRACE
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.wire import NACK, OK
from mesh_plugins.thrift.delegations import Delegations
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, ThriftReply, ThriftRequest, read_request
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY
from mesh_plugins.thriftmux.carrying import Carrying

MESSAGE = BINARY.message(CALL, b"get", 7, b"\0")
ANSWER = BINARY.message(REPLY, b"get", 7, b"\0")
TRACED = TraceId.of(1, flags=6)


def call(header: RequestHeader | None = None, kind: int = CALL) -> ThriftRequest:
    return read_request(BINARY.message(kind, b"get", 7, b"\0"), header=header)


async def carried(
    request: ThriftRequest, answer: MuxReply, *, is_framed: bool = True
) -> tuple[ThriftReply, list[MuxRequest], list[MeshError]]:
    """Return the reply, what the service was asked, and what was refused."""
    asked: list[MuxRequest] = []
    refused: list[MeshError] = []

    async def service(made: MuxRequest) -> MuxReply:
        asked.append(made)
        return answer

    switch = Switch(service)
    switch.refused = refused.append
    reply = await Carrying(switch, Delegations(), Bounds(max_bytes=100), is_framed=is_framed)(request, service)
    return reply, asked, refused


async def test_a_call_becomes_one_of_mux_and_its_answer_a_reply() -> None:
    request, answer = call(), MuxReply(OK, ANSWER, [(b"a", b"b")])

    reply, [made], _ = await carried(request, answer)

    assert (made.body.buffered, made.destination, made.contexts, made.dtab) == (MESSAGE, Path(), [], None)
    assert made.context is request.context
    assert (reply.body.buffered, reply.head.seqid, reply.contexts) == (ANSWER, 7, [(b"a", b"b")])
    assert answer.closed


async def test_what_came_beside_a_call_goes_along() -> None:
    header = RequestHeader(TRACED, b"me", [(b"x", b"y")], b"/web", [(b"/a", b"/b")])

    _, [made], _ = await carried(call(header), MuxReply(OK, ANSWER))

    assert (made.destination, made.dtab) == (Path.read("/web"), Dtab.read("/a=>/b"))
    assert made.contexts == [(b"x", b"y"), (TRACE, TRACED.packed), (CLIENT_ID, b"me")]


async def test_what_a_context_says_already_is_not_said_twice() -> None:
    contexts = [(TRACE, TRACED.packed), (CLIENT_ID, b"me")]

    _, [made], _ = await carried(call(RequestHeader(TRACED, b"me", contexts)), MuxReply(OK, ANSWER))

    assert made.contexts == contexts


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (failed("no such user"), b"Internal error processing get: 'no such user'"),
        (MuxReply(NACK), b"Internal error processing get: 'it was refused, and may be sent again'"),
        (MuxReply(NACK, b"busy"), b"'it was refused, and may be sent again: busy'"),
        (MuxReply(OK, b""), b"the answer is no Thrift"),
        (MuxReply(OK, b"what?"), b"the answer is no Thrift"),
        (MuxReply(OK, Trickle(bytes(101))), b"it is longer than 100 bytes"),
    ],
)
async def test_what_thrift_cannot_say_is_an_exception(answer: MuxReply, text: bytes) -> None:
    reply, _, _ = await carried(call(), answer)

    assert reply.is_exception
    assert text in (reply.body.buffered or b"")
    assert answer.closed


async def test_an_answer_that_streams_is_put_together() -> None:
    reply, _, _ = await carried(call(), MuxReply(OK, Trickle(ANSWER[:5], ANSWER[5:])))

    assert reply.body.buffered == ANSWER


@pytest.mark.parametrize("answer", [MuxReply(OK), failed("no")])
async def test_a_one_way_call_gets_no_reply(answer: MuxReply) -> None:
    reply, [made], _ = await carried(call(kind=ONEWAY), answer)

    assert (reply.body.size, reply.closed, made.body.size) == (0, True, len(MESSAGE))


@pytest.mark.parametrize("header", [RequestHeader(dest=b"web"), RequestHeader(delegations=[(b"a", b"/b")])])
async def test_a_call_that_cannot_be_addressed_is_refused(header: RequestHeader) -> None:
    reply, asked, refused = await carried(call(header), MuxReply(OK, ANSWER))

    assert (reply.is_exception, asked, len(refused)) == (True, [], 1)


async def test_an_answer_that_does_not_end_with_its_payload_is_none_for_a_client_without_frames() -> None:
    broken, _, _ = await carried(call(), MuxReply(OK, ANSWER + b"J"), is_framed=False)
    framed, _, _ = await carried(call(), MuxReply(OK, ANSWER + b"J"))

    assert (broken.is_exception, framed.is_exception) == (True, False)
