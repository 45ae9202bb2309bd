"""A stranger's filter in a running proxy: what its mistakes cost, and whom the log names."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.e2e.raw import Incomplete, RawConnection, reply, request
from tests.e2e.stubs import Behaviour, Stub, answering, stub
from tests.proxies import Proxy, proxy, stack

HERE = Path(__file__).parent
STREAMED = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
SECTIONS = ("server", "service", "client", "endpoint")


@contextlib.asynccontextmanager
async def filtered(
    name: str, *, section: str = "service", behave: Behaviour | None = None, timeout_ms: int | None = None
) -> AsyncIterator[tuple[Stub, Proxy, RawConnection]]:
    """Run a proxy with one of the strangers' filters in it, and connect to it."""
    server = {} if timeout_ms is None else {"timeoutMs": timeout_ms}
    async with stub(behave or answering(reply())) as endpoint:
        text = stack(endpoint.port, server=server, filters={section: [{"kind": f"strangers:{name}"}]})
        async with proxy(text, folder=HERE, errors=True) as running, running.connect() as client:
            yield endpoint, running, client


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_filter_that_raises_costs_one_request_and_is_named(section: str) -> None:
    async with filtered("Raises", section=section) as (endpoint, running, client):
        await client.send(request() + request())
        answers = [await client.reply() for _number in range(2)]

    assert [answer.status for answer in answers] == [500, 500]
    said = unquote((answers[0].value(b"l5d-err") or b"").decode())
    assert said == "strangers:Raises raised ZeroDivisionError: no way"
    assert running.warnings[0].startswith("ERROR strangers:Raises raised\nTraceback")
    assert endpoint.requests == []


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_filter_that_hangs_is_named_when_the_servers_time_is_up(section: str) -> None:
    async with filtered("Hangs", section=section, timeout_ms=100) as (_endpoint, _running, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, answer.body) == (504, b"exceeded 0.1 s, waiting in strangers:Hangs")


@pytest.mark.parametrize("name", ["Forgets", "RaisesAfterwards"])
async def test_a_reply_that_a_filter_forgot_is_closed_and_the_filter_named(name: str) -> None:
    async with filtered(name, behave=STREAMED) as (endpoint, running, client):
        statuses = []
        for _number in range(3):
            await client.send(request())
            statuses.append((await client.reply()).status)
        for connection in endpoint.connections:
            await connection.gone.wait()

    assert statuses == [200 if name == "Forgets" else 500] * 3
    assert len(endpoint.connections) == 3
    forgot = [line for line in running.warnings if line.endswith("forgot to close a reply")]
    assert [f"strangers:{name}" in line for line in forgot] == [True] * 3


async def test_a_forgotten_reply_that_came_as_a_whole_costs_no_connection() -> None:
    async with filtered("Forgets") as (endpoint, _running, client):
        bodies = []
        for _number in range(3):
            await client.send(request())
            bodies.append((await client.reply()).body)

    assert bodies == [b"mine"] * 3
    assert len(endpoint.connections) == 1


@pytest.mark.parametrize("section", SECTIONS)
async def test_a_filter_may_answer_by_itself(section: str) -> None:
    async with filtered("ShortCircuits", section=section) as (endpoint, running, client):
        await client.send(request("POST", "/mine", body=b"x" * 20_000) + request("GET", "/other"))
        first = await client.reply()
        second = await client.reply()

    assert (first.status, first.value(b"x-from"), first.body) == (418, b"filter", b"short and stout")
    assert second.status == 200
    assert [asked.target for asked in endpoint.requests] == [b"/other"]
    assert running.warnings == []


async def test_a_reply_that_a_filter_made_unsendable_becomes_an_error_of_the_proxy() -> None:
    async with filtered("BreaksTheHead", section="server") as (_endpoint, running, client):
        await client.send(request() + request())
        statuses = [(await client.reply()).status for _number in range(2)]

    assert statuses == [500, 500]
    assert "is not a lower-case header name" in running.warnings[0]


async def test_a_request_that_a_filter_made_unsendable_becomes_an_error_of_the_proxy() -> None:
    async with filtered("BreaksTheRequest") as (endpoint, _running, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, endpoint.received) == (500, b"")
    assert b"x-bad" in answer.body


@pytest.mark.parametrize("target", ["/raise", "/short"])
async def test_a_body_that_a_filter_made_wrongly_breaks_that_reply_alone(target: str) -> None:
    async with filtered("BreaksTheBody") as (_endpoint, running, client):
        await client.send(request("GET", target))
        with pytest.raises(Incomplete) as raised:
            await client.reply()
        async with running.connect() as other:
            await other.send(request("GET", target))
            head = await other.head()

    message = raised.value.message
    assert message is not None
    assert message.body == b"some"
    assert head is not None
    assert "ended in an error" not in "\n".join(running.warnings)
