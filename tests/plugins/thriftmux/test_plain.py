"""Calls of Mux to endpoints that speak plain Thrift."""

import pytest
import trio

from mesh import SESSION, Buffered, Dtab, Life, Params, Path, Request, UpstreamProtocolError
from mesh.testing import memory_connections
from mesh_plugins.finagle.contexts import CLIENT_ID
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.thrift.message import BINARY, COMPACT, ThriftReply, ThriftRequest, nothing, read_reply
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.session import ThriftSession
from mesh_plugins.thrift.ttwitter import CAN_TRACE
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, ONEWAY, REPLY, Malformed
from mesh_plugins.thriftmux.plain import PLAIN_PEER, SESSIONS, Plain, header_of

ANSWER = BINARY.message(REPLY, b"get", 1, b"\0")


def call(payload: bytes = BINARY.message(CALL, b"get", 1, b"\0")) -> MuxRequest:
    return MuxRequest(Path(), Buffered(payload), [(CLIENT_ID, b"me"), (b"other", b"x")], Dtab.read("/a=>/b"))


async def test_a_call_becomes_one_of_thrift_and_its_reply_an_answer() -> None:
    asked: list[ThriftRequest] = []
    replies: list[ThriftReply] = []

    async def service(request: ThriftRequest) -> ThriftReply:
        asked.append(request)
        replies.append(read_reply(ANSWER, [(b"a", b"b")]))
        return replies[0]

    request = call()
    answer: MuxReply = await Plain(Bounds())(request, service)

    assert (answer.status, answer.body.buffered, answer.contexts) == (0, ANSWER, [(b"a", b"b")])
    assert (asked[0].method, asked[0].context) == (b"get", request.context)
    assert [reply.closed for reply in replies] == [True]


async def test_a_reply_comes_back_in_the_encoding_of_the_call() -> None:
    async def service(_request: ThriftRequest) -> ThriftReply:
        return read_reply(COMPACT.message(REPLY, b"get", 1, b"\x08\x00\x02Hi\x00"))

    answer: MuxReply = await Plain(Bounds())(call(), service)

    assert answer.body.buffered == BINARY.message(REPLY, b"get", 1, b"\x0b\0\0\0\0\0\2Hi\0")


async def test_a_reply_that_cannot_be_passed_on_is_the_endpoints_fault() -> None:
    async def service(_request: ThriftRequest) -> ThriftReply:
        return read_reply(COMPACT.message(REPLY, b"get", 1, b"\x0f"))

    with pytest.raises(UpstreamProtocolError):
        await Plain(Bounds())(call(), service)


async def test_a_one_way_call_is_answered_with_nothing() -> None:
    async def service(request: ThriftRequest) -> ThriftReply:
        return nothing(request)

    answer: MuxReply = await Plain(Bounds())(call(BINARY.message(ONEWAY, b"tell", 1, b"\0")), service)

    assert (answer.status, answer.body.buffered) == (0, b"")


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x80\x01\x00",
        BINARY.message(REPLY, b"get", 1, b"\0"),
        BINARY.message(CALL, b"get", 1, b"\0more"),
        BINARY.message(CALL, b"get", 1, b"\x63"),
        BINARY.message(CALL, CAN_TRACE, 1, b"\0"),
    ],
)
async def test_a_payload_that_is_no_thrift_is_malformed(payload: bytes) -> None:
    async def service(request: Request) -> ThriftReply:
        raise AssertionError

    with pytest.raises(Malformed):
        await Plain(Bounds())(call(payload), service)


def test_what_came_beside_a_call_goes_along() -> None:
    header = header_of(call())

    assert (header.client_id, header.delegations) == (b"me", [(b"/a", b"/b")])
    assert header.context(b"other") == b"x"


@pytest.mark.parametrize("peer", [None, Peer()])
async def test_the_client_says_what_its_endpoints_speak(peer: Peer | None) -> None:
    made: list[Params] = []

    def rest(params: Params) -> Plain:
        made.append(params)
        return Plain(Bounds())

    async with trio.open_nursery() as nursery:
        SESSIONS.wrap(Params().put(PLAIN_PEER, peer), rest)  # type: ignore[arg-type]  # is not called
        new_session = made[0][SESSION]
        assert new_session is not None
        life = Life(nursery)
        session = new_session(memory_connections()[0], life)
        life.close()
        nursery.cancel_scope.cancel()

    assert isinstance(session, ThriftSession) is (peer is not None)
