"""What goes out beside a call."""

import struct

import pytest

from mesh import (
    AddrPending,
    BoundName,
    DeadlineExceeded,
    Expiry,
    Fixed,
    Path,
    RemoteProtocolError,
    TotalTimeout,
    TraceId,
)
from mesh_plugins.finagle.contexts import DEADLINE, TRACE
from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, COMPACT, ThriftRequest, read_request
from mesh_plugins.thrift.outgoing import outgoing_call, outgoing_header
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.walking import Bounds

NOW = 10**18


def asked(header: RequestHeader | None = None) -> ThriftRequest:
    return read_request(BINARY.message(1, b"echo", 7, b"\0"), header=header)


async def test_a_call_without_a_header_gets_an_empty_one() -> None:
    header = outgoing_header(asked())

    assert (header.trace, header.contexts, header.dest, header.delegations) == (None, [], b"", [])


async def test_what_is_not_known_here_is_passed_on() -> None:
    came = RequestHeader(None, b"me", [(b"x", b"1")], b"/dest", [(b"/a", b"/b")])

    header = outgoing_header(asked(came))

    assert (header.client_id, header.contexts, header.dest, header.delegations) == (
        b"me",
        [(b"x", b"1")],
        b"",
        [(b"/a", b"/b")],
    )


async def test_the_attempt_s_own_span_takes_the_place_of_the_caller_s() -> None:
    caller, span = TraceId.of(1), TraceId.of(2, 1, 1)
    request = asked(RequestHeader(caller, contexts=[(TRACE, caller.packed)]))
    request.context.span = span

    header = outgoing_header(request)

    assert (header.trace, header.contexts) == (span, [(TRACE, span.packed)])
    assert request.header is not None
    assert request.header.contexts == [(TRACE, caller.packed)]


async def test_the_residual_is_the_destination() -> None:
    request = asked()
    request.context.bound = BoundName(Path.read("/#/fs/web"), Path.read("/a/b"), Fixed(AddrPending()))

    assert outgoing_header(request).dest == b"/a/b"


async def test_the_deadline_is_told_as_it_is_now(autojump_clock: object) -> None:
    request = asked(RequestHeader(contexts=[(DEADLINE, struct.pack(">qq", 1, 2))]))
    deadline = Expiry(20.0, DeadlineExceeded, "late", stays=True)
    request.context.expiry = Expiry(4.0, TotalTimeout, "long", before=deadline)

    header = outgoing_header(request, lambda: NOW)

    assert header.contexts == [(DEADLINE, struct.pack(">qq", NOW, NOW + 4 * 10**9))]


async def test_a_deadline_that_came_stays_as_it_came(autojump_clock: object) -> None:
    request = asked(RequestHeader(contexts=[(DEADLINE, b"as it came")]))
    request.context.expiry = Expiry(20.0, DeadlineExceeded, "late", stays=True)

    assert outgoing_header(request, lambda: NOW).contexts == [(DEADLINE, b"as it came")]


async def test_a_call_is_written_as_its_endpoint_wants_it() -> None:
    data = await outgoing_call(asked(), 9, Peer(COMPACT), Bounds(), is_upgraded=False)

    assert data == framed(COMPACT.message(1, b"echo", 9, b"\0"))


async def test_a_call_that_cannot_be_written_is_the_client_s_fault() -> None:
    broken = read_request(BINARY.message(1, b"echo", 7, b"\x63"))

    with pytest.raises(RemoteProtocolError, match="cannot be passed on"):
        await outgoing_call(broken, 9, Peer(COMPACT), Bounds(), is_upgraded=False)
