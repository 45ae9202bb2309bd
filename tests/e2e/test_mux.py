"""Mux and ThriftMux through a running linker, between ends of our own: what happens to calls when something does."""

import contextlib
import pathlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import trio
from trio.testing import MockClock

from mesh import Buffered, Dtab, Endpoint, Life, Path, connect
from mesh_plugins.finagle.contexts import DEADLINE, RETRIES, TRACE, pack_deadline, read_deadline
from mesh_plugins.mux import failure
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from mesh_plugins.mux.session import MuxSession
from mesh_plugins.mux.speaking import Speaking
from mesh_plugins.mux.wire import ERROR, NACK, OK
from mesh_plugins.thrift.message import BINARY
from mesh_plugins.thrift.wire import CALL, REPLY
from tests.mux_endpoints import MuxEndpoint, echo, mux_endpoint
from tests.proxies import FS, Proxy, disco, proxy, stacks
from tests.waiting import until

SECONDS = 60.0
NOW = 1_800_000_000_000_000_000


@attrs.define(eq=False)
class Caller:
    """A client: makes calls over one connection."""

    session: MuxSession
    nursery: trio.Nursery

    async def call(self, payload: bytes = b"hi", destination: str = "/web", **more: Any) -> MuxReply:
        request = MuxRequest(Path.read(destination), Buffered(payload), **more)
        with trio.fail_after(SECONDS):
            reply = await self.session(request)
        await reply.aclose()
        return reply


@contextlib.asynccontextmanager
async def calling(running: Proxy) -> AsyncIterator[Caller]:
    connection = await connect(Endpoint("127.0.0.1", running.ports[0]))
    async with trio.open_nursery() as nursery:
        life = Life(nursery, "client")
        yield Caller(MuxSession(connection, life, Speaking()), nursery)
        life.close()
        nursery.cancel_scope.cancel()


def router(*endpoints: MuxEndpoint, **keys: Any) -> str:
    """Return a stack file of one router of Mux before some endpoints."""
    to = " & ".join(f"/$/inet/127.0.0.1/{endpoint.port}" for endpoint in endpoints)
    return stacks({"protocol": "mux", "dtab": f"/svc/web => {to};", "servers": [{"port": 0}], **keys})


@contextlib.asynccontextmanager
async def between(
    answer: Callable[[MuxRequest], Any] = echo, **keys: Any
) -> AsyncIterator[tuple[Caller, MuxEndpoint, Proxy]]:
    """Run an endpoint, a linker before it, and a client."""
    async with mux_endpoint(answer) as endpoint, proxy(router(endpoint, **keys)) as running, calling(running) as client:
        yield client, endpoint, running


async def test_a_call_and_its_answer_pass() -> None:
    async with between() as (client, endpoint, _running):
        reply = await client.call(b"payload", "/web/users", contexts=[(b"my.own", b"x")])

    seen = endpoint.requests[0]
    assert (reply.status, reply.body.buffered) == (OK, b"payload")
    assert seen.destination == Path.read("/users")
    names = [name for name, _value in seen.contexts]
    assert names == [TRACE, RETRIES, b"my.own"]


async def test_a_large_call_and_its_answer_pass() -> None:
    payload = bytes(range(256)) * 8192

    async with between() as (client, _endpoint, _running):
        assert (await client.call(payload)).body.buffered == payload


async def test_calls_share_one_connection() -> None:
    async with between() as (client, endpoint, _running):
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(client.call)

        assert (len(endpoint.requests), len(endpoint.switch.connections)) == (50, 1)


async def test_an_override_chooses_another_endpoint() -> None:
    async with between() as (client, endpoint, _running), mux_endpoint() as other:
        await client.call(dtab=Dtab.read(f"/svc/web => /$/inet/127.0.0.1/{other.port}"))

        assert (len(endpoint.requests), len(other.requests)) == (0, 1)
        assert other.requests[0].dtab is not None


async def test_a_deadline_is_passed_on_as_it_came() -> None:
    value = pack_deadline(NOW, NOW + 3_600_000_000_000)

    async with between() as (client, endpoint, _running):
        await client.call(contexts=[(DEADLINE, value)])

    assert dict(endpoint.requests[0].contexts)[DEADLINE] == value


async def test_a_call_that_is_late_is_not_passed_on() -> None:
    async with between() as (client, endpoint, _running):
        reply = await client.call(contexts=[(DEADLINE, pack_deadline(1, 2))])

    assert (reply.status, endpoint.requests) == (ERROR, [])
    assert b"deadline" in (reply.body.buffered or b"")


async def test_a_timeout_tells_the_endpoint_and_then_gives_the_call_up(idle_clock: MockClock) -> None:
    cancelled = trio.Event()

    async def hang(_request: MuxRequest) -> MuxReply:
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    async with between(hang, client={"requestAttemptTimeoutMs": 50}) as (client, endpoint, _running):
        reply = await client.call()
        with trio.fail_after(SECONDS):
            await cancelled.wait()

    times = read_deadline(dict(endpoint.requests[0].contexts)[DEADLINE])
    assert times is not None
    assert 0 < times[1] - times[0] <= 50e6
    assert (reply.status, b"exceeded 0.05 s" in (reply.body.buffered or b"")) == (ERROR, True)


async def test_a_client_that_gives_a_call_up_cancels_it_at_the_endpoint() -> None:
    begun, cancelled = trio.Event(), trio.Event()

    async def hang(request: MuxRequest) -> MuxReply:
        if request.body.buffered != b"hang":
            return await echo(request)
        begun.set()
        try:
            await trio.sleep_forever()
        finally:
            cancelled.set()
        raise AssertionError

    async with between(hang) as (client, _endpoint, _running):
        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(client.call, b"hang")
                await begun.wait()
                nursery.cancel_scope.cancel()
            await cancelled.wait()
        reply = await client.call()

        assert reply.status == OK


async def test_a_refusal_is_repeated_at_another_endpoint(tmp_path: pathlib.Path) -> None:
    async def refuse(_request: MuxRequest) -> MuxReply:
        return MuxReply(NACK, b"", failure.context(3))

    async with mux_endpoint(refuse) as busy, mux_endpoint() as free:
        namers = disco(tmp_path, web=[busy.port, free.port])
        keys = {
            "protocol": "mux",
            "dtab": FS,
            "servers": [{"port": 0}],
            "client": {"loadBalancer": {"kind": "roundRobin"}},
        }
        async with proxy(stacks(keys, namers=namers)) as running, calling(running) as client:
            statuses = [(await client.call()).status for _ in range(4)]

    assert (statuses, len(busy.requests) > 0) == ([OK] * 4, True)


async def test_a_refusal_without_an_alternative_is_passed_on_as_one() -> None:
    async def refuse(_request: MuxRequest) -> MuxReply:
        return MuxReply(NACK)

    async with between(refuse) as (client, endpoint, _running):
        reply = await client.call()

    assert (reply.status, failure.flags_in(reply.contexts)) == (NACK, 3)
    assert [dict(seen.contexts)[RETRIES][-1] for seen in endpoint.requests] == list(range(len(endpoint.requests)))
    assert len(endpoint.requests) > 1


async def test_a_failure_is_passed_on_and_not_repeated() -> None:
    async def fail(_request: MuxRequest) -> MuxReply:
        return failed("java.lang.Exception: boom", failure.context(6))

    async with between(fail) as (client, endpoint, _running):
        reply = await client.call()

    assert (reply.status, reply.body.buffered, len(endpoint.requests)) == (ERROR, b"java.lang.Exception: boom", 1)
    assert failure.flags_in(reply.contexts) == 6


async def test_a_name_that_leads_nowhere_is_a_failure_with_a_text() -> None:
    async with between() as (client, _endpoint, _running):
        reply = await client.call(destination="/nobody")

    assert (reply.status, b"/svc/nobody" in (reply.body.buffered or b"")) == (ERROR, True)


async def test_an_endpoint_that_is_down_is_a_refusal() -> None:
    async with mux_endpoint() as endpoint:
        text = router(endpoint)
    async with proxy(text) as running, calling(running) as client:
        assert (await client.call()).status == NACK


async def test_an_endpoint_that_drains_loses_no_call() -> None:
    gate, begun = trio.Event(), trio.Event()

    async def slow(request: MuxRequest) -> MuxReply:
        if request.body.buffered == b"slow":
            begun.set()
            await gate.wait()
        return await echo(request)

    replies: list[MuxReply] = []
    async with between(slow) as (client, endpoint, _running):

        async def call() -> None:
            replies.append(await client.call(b"slow"))

        client.nursery.start_soon(call)
        with trio.fail_after(SECONDS):
            await begun.wait()
            for connection in list(endpoint.switch.connections):
                connection.drain()
            later = [(await client.call()).status for _ in range(3)]
            gate.set()
            await until(lambda: replies)

    assert (later, replies[0].status) == ([OK] * 3, OK)


async def test_a_linker_that_drains_answers_what_was_asked() -> None:
    gate, begun = trio.Event(), trio.Event()

    async def slow(request: MuxRequest) -> MuxReply:
        begun.set()
        await gate.wait()
        return await echo(request)

    replies: list[MuxReply] = []
    async with between(slow) as (client, _endpoint, running):

        async def call() -> None:
            replies.append(await client.call())

        client.nursery.start_soon(call)
        with trio.fail_after(SECONDS):
            await begun.wait()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(running.linker.drain)
                await trio.sleep(0.05)
                gate.set()

    assert [reply.status for reply in replies] == [OK]
    assert client.session.closed


async def test_calls_of_thriftmux_are_routed_by_their_method() -> None:
    async def answer(request: MuxRequest) -> MuxReply:
        return MuxReply(OK, BINARY.message(REPLY, b"get", 1, b"\0"))

    async with mux_endpoint(answer) as endpoint:
        text = stacks(
            {
                "protocol": "thriftmux",
                "experimental": True,
                "thriftMethodInDst": True,
                "dtab": f"/svc/get => /$/inet/127.0.0.1/{endpoint.port};",
                "servers": [{"port": 0}],
            }
        )
        async with proxy(text) as running, calling(running) as client:
            known = await client.call(BINARY.message(CALL, b"get", 1, b"\0"), "/")
            unknown = await client.call(BINARY.message(CALL, b"put", 1, b"\0"), "/")
            nothing = await client.call(b"", "/")

    assert [reply.status for reply in (known, unknown, nothing)] == [OK, ERROR, ERROR]


async def test_calls_of_thriftmux_reach_endpoints_of_plain_thrift() -> None:
    async def serve(stream: trio.SocketStream) -> None:
        while data := await stream.receive_some():
            told.append(data)
            answer = BINARY.message(REPLY, b"get", 1, b"\0")
            await stream.send_all(len(answer).to_bytes(4) + answer)

    told: list[bytes] = []
    call = BINARY.message(CALL, b"get", 1, b"\0")
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, serve, [listener])
        port = listener.socket.getsockname()[1]
        text = stacks(
            {
                "protocol": "thriftmux",
                "experimental": True,
                "dtab": f"/svc => /$/inet/127.0.0.1/{port};",
                "servers": [{"port": 0}],
                "client": {"protocol": "thrift"},
            }
        )
        async with proxy(text) as running, calling(running) as client:
            replies = [await client.call(call, "/") for _ in range(2)]
        nursery.cancel_scope.cancel()

    assert told == [len(call).to_bytes(4) + call] * 2
    assert [(reply.status, reply.body.buffered) for reply in replies] == [
        (OK, BINARY.message(REPLY, b"get", 1, b"\0"))
    ] * 2
