"""What a router of Thrift does for calls besides passing them on: names, retries, deadlines, TLS, drain, logs, two in a row."""

import pathlib
import struct
import time
from typing import Any

import pytest
import trio

from mesh_plugins.finagle.contexts import DEADLINE
from mesh_plugins.thrift.conversion import with_frame
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding
from mesh_plugins.thrift.ttwitter import agrees, asks, read_request_header, write_request_header
from mesh_plugins.thrift.walking import Bounds
from tests.certificates import Authority
from tests.e2e.raw import SECONDS, RawConnection
from tests.e2e.stubs import Stub, stub
from tests.e2e.thrift_peers import (
    CALL,
    EXCEPTION,
    ONEWAY,
    REPLY,
    Echo,
    frame,
    kind_and_seqid,
    message,
    next_frame,
    says,
    thrift,
)
from tests.proxies import one, proxy, stack, stacks

INTERNAL_ERROR = 6


async def asked(client: RawConnection, call: bytes) -> bytes:
    """Send a call and return what is answered."""
    await client.send(frame(call))
    answer = await next_frame(client)
    assert answer is not None
    return answer


def failing(failures: int) -> tuple[Echo, Any]:
    """Return an echo, and the behaviour that answers so many calls with an exception before it."""
    echo, left = Echo(), [failures]

    async def behave(endpoint: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            echo.calls.append(call)
            _kind, seqid = kind_and_seqid(call)
            left[0] -= 1
            await connection.send(frame(message(EXCEPTION if left[0] >= 0 else REPLY, seqid)))

    return echo, behave


@pytest.mark.parametrize("is_framed", [True, False])
@pytest.mark.parametrize("encoding", [BINARY, COMPACT])
@pytest.mark.parametrize("protocol", ["thrift", "thriftmux"])
async def test_methods_and_services_lead_to_their_endpoints(protocol: str, encoding: Encoding, is_framed: bool) -> None:
    """Clients of every kind, on the ports of both protocols."""
    echoes, expected = [Echo(), Echo()], []
    speaks = {"thriftProtocol": encoding.name, "thriftFramed": is_framed} if protocol == "thrift" else {}
    keys: dict[str, Any] = {"client": {"protocol": "thrift"}, "experimental": True} if protocol == "thriftmux" else {}
    async with stub(echoes[0]) as first, stub(echoes[1]) as other:
        dtab = f"/svc => /$/inet/127.0.0.1/{first.port}; /svc/users/get => /$/inet/127.0.0.1/{other.port};"
        text = stack(dtab, protocol=protocol, thriftMethodInDst=True, server=speaks, **keys)
        async with proxy(text) as running, running.connect() as client:
            for name in (b"get", b"users:get", b"users:set"):
                await client.send(with_frame(encoding.message(ONEWAY, name, 0, b"\0"), is_framed=is_framed))
                await client.send(with_frame(encoding.message(CALL, name, 1, b"\0"), is_framed=is_framed))
                expected.append(with_frame(encoding.message(REPLY, name, 1, b"\0"), is_framed=is_framed))
            assert await client.exactly(len(b"".join(expected))) == b"".join(expected)

    assert [len(echo.calls) for echo in echoes] == [4, 2]


async def test_a_name_that_leads_nowhere_is_an_exception() -> None:
    async with proxy(thrift("/none => /$/inet/127.0.0.1/1;")) as running, running.connect() as client:
        answer = await asked(client, message(CALL, 5))

    assert says(answer, INTERNAL_ERROR)
    assert b"Internal error processing echo: 'Unroutable: " in answer


async def test_failures_are_retried_where_the_file_says_so() -> None:
    echo, behave = failing(1)
    classifier = {"kind": "io.l5d.thrift.applicationExceptions", "retryableMethods": ["echo"]}
    async with stub(behave) as endpoint:
        text = thrift(endpoint.port, service={"responseClassifier": classifier})
        async with proxy(text) as running, running.connect() as client:
            retried = await asked(client, message(CALL, 5))

    assert (kind_and_seqid(retried), len(echo.calls)) == ((REPLY, 5), 2)


async def test_exceptions_count_for_the_breaker() -> None:
    _echo, behave = failing(10)
    accrual = {"kind": "io.l5d.consecutiveFailures", "failures": 2, "backoff": {"kind": "constant", "ms": 60000}}
    async with stub(behave) as endpoint:
        text = thrift(endpoint.port, client={"failureAccrual": accrual}, label="http")
        async with proxy(text) as running, running.connect() as client:
            for seqid in range(3):
                assert kind_and_seqid(await asked(client, message(CALL, seqid))) == (EXCEPTION, seqid)
            removals = running.metric(f"client/$/inet/127.0.0.1/{endpoint.port}/failure_accrual/removals")

    assert removals == 1


async def test_an_endpoint_that_takes_too_long_is_given_up() -> None:
    async def silent(endpoint: Stub, connection: RawConnection) -> None:
        while await next_frame(connection):
            pass

    async with stub(silent) as endpoint:
        text = thrift(endpoint.port, client={"requestAttemptTimeoutMs": 50})
        async with proxy(text) as running, running.connect() as client:
            answer = await asked(client, message(CALL, 5))

    assert says(answer, INTERNAL_ERROR)
    assert b"AttemptTimeout" in answer


async def test_one_way_calls_and_calls_share_a_connection() -> None:
    echo = Echo()
    async with stub(echo) as endpoint, proxy(thrift(endpoint.port)) as running, running.connect() as client:
        for seqid in range(0, 20, 2):
            await client.send(frame(message(ONEWAY, seqid)))
            assert kind_and_seqid(await asked(client, message(CALL, seqid + 1))) == (REPLY, seqid + 1)

        assert len(endpoint.connections) == 1
    assert [kind_and_seqid(call)[0] for call in echo.calls] == [ONEWAY, CALL] * 10


async def test_headers_travel_over_two_hops() -> None:
    """A client with TTwitter, a router that asks the next one for it, and an endpoint that does not know it."""
    plain, told = Echo(), []

    async def upgraded(endpoint: Stub, connection: RawConnection) -> None:
        assert await next_frame(connection) == asks(BINARY)
        await connection.send(frame(agrees(BINARY, 0)))
        while (call := await next_frame(connection)) is not None:
            header, at = read_request_header(BINARY, call, 0, Bounds())
            told.append(header)
            await connection.send(frame(b"\0" + message(REPLY, kind_and_seqid(call[at:])[1])))

    upgrades = {"attemptTTwitterUpgrade": True}
    async with stub(upgraded) as endpoint, stub(plain) as old:
        second = thrift(
            f"/svc => /$/inet/127.0.0.1/{endpoint.port}; /old => /$/inet/127.0.0.1/{old.port};", client=upgrades
        )
        async with proxy(second) as behind:
            first = thrift(f"/svc => /$/inet/127.0.0.1/{behind.ports[0]};", client=upgrades)
            async with proxy(first) as front, front.connect() as client:
                await client.send(frame(asks(BINARY)))
                assert await next_frame(client) == agrees(BINARY, 0)
                now = time.time_ns()
                deadline = struct.pack(">qq", now, now + 5 * 10**9)
                header = RequestHeader(None, b"me", [(b"x", b"1"), (DEADLINE, deadline)], b"/web")
                call = write_request_header(BINARY, header) + message(CALL, 1)
                assert await asked(client, call) == b"\0" + message(REPLY, 1)
                header.delegations = [(b"/svc", b"/old")]
                moved = write_request_header(BINARY, header) + message(CALL, 2)
                answer = await asked(client, moved)

    (seen,) = told
    assert (seen.client_id, seen.context(b"x"), seen.context(DEADLINE)) == (b"me", b"1", deadline)
    assert seen.trace is not None
    assert seen.trace.parent not in (None, 0)
    assert seen.trace.trace != 0
    assert seen.dest == b"/web"
    assert answer == b"\0" + message(REPLY, 2)
    assert plain.calls == [asks(BINARY), message(CALL, 2)]


async def test_work_that_is_late_is_not_begun() -> None:
    echo = Echo()
    async with stub(echo) as endpoint, proxy(thrift(endpoint.port)) as running, running.connect() as client:
        await client.send(frame(asks(BINARY)))
        await next_frame(client)
        late = RequestHeader(contexts=[(DEADLINE, struct.pack(">qq", 1, 2))])
        answer = await asked(client, write_request_header(BINARY, late) + message(CALL, 1))

    assert says(answer[1:], INTERNAL_ERROR)
    assert (b"DeadlineExceeded" in answer, echo.calls) == (True, [])


async def test_tls_ends_here_and_begins_here(tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("web.test")
    echo = Echo()
    async with stub(echo) as endpoint:
        inner = one(
            endpoint.port,
            protocol="thrift",
            label="inner",
            server={"tls": {"certPath": str(files.cert), "keyPath": str(files.key)}},
        )
        async with proxy(stacks(inner)) as behind:
            trust = {"tls": {"commonName": "web.test", "trustCerts": [str(authority.path)]}}
            async with proxy(thrift(behind.ports[0], client=trust)) as front, front.connect() as client:
                answer = await asked(client, message(CALL, 5))

    assert (kind_and_seqid(answer), len(echo.calls)) == ((REPLY, 5), 1)


async def test_calls_are_logged(tmp_path: pathlib.Path) -> None:
    log = tmp_path / "log"
    keys = {"accessLog": str(log), "accessLogFormat": "%REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %ROUTE_NAME%"}
    async with stub(Echo()) as endpoint, proxy(thrift(endpoint.port, **keys)) as running, running.connect() as client:
        await client.send(frame(message(ONEWAY, 1)))
        await asked(client, message(CALL, 2))

        with trio.fail_after(SECONDS):
            while not log.exists() or log.read_text().count("\n") < 2:
                await trio.sleep(0.01)  # a thread writes

    assert log.read_text() == "ONEWAY echo 0 /svc\nCALL echo 2 /svc\n"


async def test_requests_are_spread_over_endpoints_and_a_dead_one_is_left_out() -> None:
    echoes = [Echo(), Echo()]
    async with stub(echoes[0]) as first, stub(echoes[1]) as second:
        union = f"/svc => /$/inet/127.0.0.1/{first.port} & /$/inet/127.0.0.1/{second.port};"
        async with proxy(thrift(union)) as running, running.connect() as client:
            for seqid in range(40):
                assert kind_and_seqid(await asked(client, message(CALL, seqid))) == (REPLY, seqid)

    assert all(len(echo.calls) > 3 for echo in echoes)


async def test_a_client_that_never_reads_is_cut_off() -> None:
    large = b"\x0b\0\1" + struct.pack(">i", 1 << 20) + bytes(1 << 20) + b"\0"
    async with stub(Echo()) as endpoint:
        text = thrift(endpoint.port, server={"limits": {"stream_idle_timeout_s": 0.2}})
        async with proxy(text) as running:
            stream = await trio.open_tcp_stream("127.0.0.1", running.ports[0])
            with pytest.raises(trio.BrokenResourceError):
                await _send_for_ever(stream, frame(message(CALL, 1, large)))
            await stream.aclose()


async def _send_for_ever(stream: trio.SocketStream, octets: bytes) -> None:
    with trio.fail_after(SECONDS):
        while True:
            await stream.send_all(octets)
