"""What a client is told when the proxy itself answers: which status, which text, and whether it is safe to try again."""

import pathlib
from urllib.parse import unquote

import pytest
import trio
from trio.testing import MockClock

from tests.e2e.raw import Message, RawConnection, connected, reply, request
from tests.e2e.stubs import OK, Stub, answering, stub, stubs
from tests.proxies import FS, between, disco, proxy, stack

NACK = [(b"retry-after", b"1"), (b"l5d-retryable", b"true"), (b"finagle-http-nack", b"true")]


def told(answer: Message) -> str:
    """Return what `l5d-err` says; the body says the same."""
    text = unquote((answer.value(b"l5d-err") or b"").decode())
    assert answer.body.decode() == (text + "\n" if "\n" in text else text)
    return text


async def test_a_request_that_nobody_can_name_is_refused() -> None:
    async with between() as (endpoint, client):
        await client.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        answer = await client.reply()
        await client.send(request())
        after = await client.reply()

    assert (answer.status, told(answer)) == (400, "Unknown destination: GET / / Host header is absent")
    assert answer.value(b"l5d-retryable") is None
    assert (after.status, len(endpoint.requests)) == (200, 1)


async def test_a_name_that_leads_nowhere_is_told_with_every_step() -> None:
    dtab = "/svc => /host; /host/web => /$/nil/other;"

    async with proxy(stack(dtab)) as running, running.connect() as client:
        await client.send(request())
        answer = await client.reply()

    assert answer.status == 502
    lines = told(answer).split("\n")
    assert lines[:2] == ["Unable to route request!", "service name: /svc/web"]
    assert [line.split()[0] for line in lines[3:6]] == ["/svc/web", "/host/web", "/$/nil/other"]


async def test_an_endpoint_that_cannot_be_reached_is_named() -> None:
    async with stub() as gone:
        port = gone.port
    async with proxy(stack(port)) as running, running.connect() as client:
        await client.send(request())
        answer = await client.reply()

    endpoint = f"127.0.0.1:{port}"
    assert answer.status == 502
    assert told(answer).split("\n") == [
        f"Unable to establish connection to {endpoint}.",
        "",
        "service name: /svc/web",
        f"client name: /$/inet/127.0.0.1/{port}",
        f"addresses: [{endpoint}]",
        f"selected address: {endpoint}",
        f"cause: cannot connect to {endpoint}: ECONNREFUSED",
    ]
    assert answer.value(b"l5d-retryable") == b"true"


async def test_a_name_without_endpoints_says_so(tmp_path: pathlib.Path) -> None:
    namers = disco(tmp_path, web=[])

    async with proxy(stack(FS, namers=namers)) as running, running.connect() as client:
        await client.send(request())
        answer = await client.reply()

    assert answer.status == 502
    assert "has no endpoints" in told(answer)
    assert answer.value(b"l5d-retryable") == b"true"


async def test_requests_beyond_the_limit_are_refused_at_once_and_may_be_tried_again() -> None:
    release = trio.Event()

    async def wait(stub: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            stub.requests.append(asked)
            await release.wait()
            await connection.send(reply())

    async with (
        stub(wait) as endpoint,
        proxy(stack(endpoint.port, server={"maxConcurrentRequests": 2})) as running,
        running.connect() as one,
        running.connect() as two,
        running.connect() as three,
    ):
        await one.send(request())
        await two.send(request())
        while len(endpoint.requests) < 2:
            await trio.sleep(0.002)
        await three.send(request())
        refused = await three.reply()
        release.set()
        served = [(await client.reply()).status for client in (one, two)]
        await three.send(request())
        after = await three.reply()

    assert (refused.status, [field for field in refused.fields if field in NACK]) == (503, NACK)
    assert served == [200, 200]
    assert after.status == 200


async def test_what_an_endpoint_refuses_another_one_is_asked_to_do(tmp_path: pathlib.Path) -> None:
    nack = reply(503, "finagle-http-nack: true", "Retry-After: 0", body=b"")

    async with stub(answering(nack)) as full, stub() as free:
        namers = disco(tmp_path, web=[full.port, free.port])
        async with proxy(stack(FS, namers=namers)) as running, running.connect() as client:
            statuses = []
            for method in ("GET", "POST") * 10:
                await client.send(request(method, body=b"x" if method == "POST" else b""))
                statuses.append((await client.reply()).status)

    assert statuses == [200] * 20
    assert len(free.requests) == 20
    assert len(full.requests) > 0


async def test_a_refusal_of_every_endpoint_is_told_as_one() -> None:
    async with between(answering(reply(503, "finagle-http-nack: true"))) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, [field for field in answer.fields if field in NACK]) == (503, NACK)
    assert len(endpoint.requests) == 3


async def test_an_applications_own_503_is_passed_on_as_it_is() -> None:
    async with between(answering(reply(503, "Retry-After: 0", body=b"later"))) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, answer.body, answer.value(b"l5d-err")) == (503, b"later", None)
    assert len(endpoint.requests) == 1


async def test_a_hanging_endpoint_ends_in_the_servers_timeout(idle_clock: MockClock) -> None:
    async def hang(stub: Stub, connection: RawConnection) -> None:
        stub.requests.append(await connection.request())
        await connection.is_closed()

    async with between(hang, server={"timeoutMs": 100}) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()
        await client.send(request())
        second = await client.reply()

    assert answer.status == 504
    assert told(answer).startswith("exceeded 0.1 s, waiting in ")
    assert second.status == 504
    assert [connection.ended for connection in endpoint.connections] == [True, True]


async def test_an_endpoint_that_never_answers_runs_into_its_idle_limit(idle_clock: MockClock) -> None:
    async def hang(stub: Stub, connection: RawConnection) -> None:
        stub.requests.append(await connection.request())
        await connection.is_closed()

    async with between(hang, client={"limits": {"stream_idle_timeout_s": 0.2}}) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, told(answer)) == (504, f"127.0.0.1:{endpoint.port} sent nothing for 0.2 s")


async def test_a_name_that_is_not_bound_in_time_ends_in_a_timeout() -> None:
    dtab = "/svc => /$/inet/192.0.2.1.invalid/80;"

    async with proxy(stack(dtab, bindingTimeoutMs=200), warnings=True) as running, running.connect() as client:
        await client.send(request())
        answer = await client.reply()

    assert answer.status in (502, 504)
    assert told(answer) != ""


async def test_a_host_name_is_resolved_before_its_first_request_is_sent() -> None:
    async with stub() as endpoint:
        dtab = f"/svc => /$/inet/localhost/{endpoint.port};"
        async with proxy(stack(dtab)) as running, running.connect() as client:
            await client.send(request())
            answer = await client.reply()

    assert answer.status == 200


async def test_an_override_of_the_dtab_is_honoured_and_passed_on() -> None:
    async with stubs(2) as (usual, other):
        override = f"/svc/web=>/$/inet/127.0.0.1/{other.port}"
        async with proxy(stack(usual.port)) as running, running.connect() as client:
            await client.send(request("GET", "/", f"l5d-dtab: {override}"))
            await client.reply()
            await client.send(request())
            await client.reply()

    assert (len(other.requests), len(usual.requests)) == (1, 1)
    assert other.requests[0].value(b"l5d-ctx-dtab") == f"/svc/web=>/$/inet/127.0.0.1/{other.port}".encode()
    assert other.requests[0].value(b"l5d-dtab") is None
    assert usual.requests[0].value(b"l5d-ctx-dtab") is None


async def test_no_override_leads_to_where_a_cloud_keeps_its_credentials() -> None:
    async with between() as (endpoint, client):
        await client.send(request("GET", "/", "l5d-dtab: /svc => /$/inet/169.254.169.254/80"))
        answer = await client.reply()

    assert (answer.status, endpoint.requests) == (502, [])
    assert "link-local" in told(answer)


async def test_a_bad_override_is_refused_and_the_connection_serves_on() -> None:
    async with between() as (endpoint, client):
        await client.send(request("GET", "/", "l5d-dtab: /svc => ", "Content-Length: 0"))
        answer = await client.reply()
        await client.send(request())
        after = await client.reply()

    assert answer.status == 400
    assert told(answer) != ""
    assert (after.status, len(endpoint.requests)) == (200, 1)


@pytest.mark.parametrize("name", ["l5d-dtab", "l5d-ctx-dtab"])
async def test_at_the_edge_nobody_overrides_anything(name: str) -> None:
    async with stubs(2) as (usual, other):
        override = f"/svc/web=>/$/inet/127.0.0.1/{other.port}"
        async with proxy(stack(usual.port, server={"profile": "edge"})) as running, running.connect() as client:
            await client.send(request("GET", "/a/../b", f"{name}: {override}"))
            answer = await client.reply()

    assert (answer.status, len(usual.requests), len(other.requests)) == (200, 1, 0)
    assert usual.requests[0].target == b"/b"
    assert [field for field, _value in answer.fields if field.startswith(b"l5d-")] == []


@pytest.mark.parametrize("server", [{"clearContext": True}, {"profile": "edge"}], ids=["clearContext", "edge"])
@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_a_stranger_is_told_of_a_request_that_cannot_be_read_only_the_status(
    engine: str, server: dict[str, object]
) -> None:
    async with between(server=server, engine=engine) as (_endpoint, client):
        await client.send(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
        answer = await client.reply()

    assert (answer.status, answer.body) == (400, b"")
    assert {name for name, _value in answer.fields} <= {b"content-length", b"connection", b"date"}


@pytest.mark.parametrize("server", [{}, {"profile": "edge"}], ids=["mesh", "edge"])
async def test_interim_replies_say_to_strangers_nothing_of_the_mesh(server: dict[str, object]) -> None:
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nl5d-secret: 1\r\n\r\n"
    async with between(answering(hints + reply()), server=server) as (_endpoint, client):
        await client.send(request())
        interim, final = await client.reply(), await client.reply()

    assert (interim.status, interim.value(b"link"), final.status) == (103, b"</x>", 200)
    assert interim.value(b"l5d-secret") == (None if server else b"1")


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: web\r\nX-Slow: "])
async def test_a_head_that_does_not_come_in_time_ends_the_connection(start: bytes, idle_clock: MockClock) -> None:
    async with between(server={"limits": {"header_deadline_s": 0.2}}) as (endpoint, client):
        await client.send(start)
        with trio.fail_after(8.0):  # without the limit, it is 10 s
            answer = await client.message()
            closed = await client.is_closed()

    assert (answer.status if answer else None) == (408 if start else None)
    assert closed
    assert endpoint.requests == []


async def test_the_rest_of_a_head_that_came_with_the_request_before_must_come_in_time_too(
    idle_clock: MockClock,
) -> None:
    async with between(server={"limits": {"header_deadline_s": 0.2}}) as (_endpoint, client):
        await client.send(request() + b"GET / HTTP/1.1\r\n")
        first = await client.reply()
        second = await client.reply()

    assert (first.status, second.status) == (200, 408)


async def test_a_connection_that_idles_is_closed_without_a_word(idle_clock: MockClock) -> None:
    async with between(server={"limits": {"idle_timeout_s": 0.2}}) as (_endpoint, client):
        await client.send(request())
        await client.reply()
        began = trio.current_time()
        closed = await client.is_closed()
        waited = trio.current_time() - began

    assert (closed, client.was_reset, client.rest) == (True, False, b"")
    assert waited >= 0.2


async def test_a_body_that_is_gathered_and_stops_coming_is_given_up(idle_clock: MockClock) -> None:
    async with between(server={"limits": {"stream_idle_timeout_s": 0.2}}) as (endpoint, client):
        await client.send(request("POST", "/", "Content-Length: 100") + b"x")
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, closed, endpoint.requests) == (408, True, [])


async def test_a_refusal_is_not_lost_to_a_reset_while_the_client_goes_on_sending() -> None:
    async with between() as (_endpoint, client):
        await client.send(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n")
        await client.send(b"x" * 300_000)
        answer = await client.reply()
        closed = await client.is_closed()

    assert (answer.status, answer.value(b"connection"), closed, client.was_reset) == (400, b"close", True, False)


async def test_clients_that_misbehave_do_not_count_against_the_endpoint() -> None:
    async with stub(OK) as endpoint, proxy(stack(endpoint.port)) as running:
        for _number in range(8):
            async with connected(running.ports[0]) as client:
                await client.send(request("POST", "/", "Transfer-Encoding: chunked") + b"5\r\nhello\r\n")
                await trio.sleep(0.02)
                await client.send(b"zz\r\n")
                assert (await client.reply()).status == 400
        async with connected(running.admin_port) as admin:
            await admin.send(b"GET /admin/metrics.json HTTP/1.1\r\nHost: x\r\n\r\n")
            metrics = (await admin.reply()).body

    assert b'failure_accrual/removals":0' in metrics
