"""The connection of a client: how it ends, what bounds it, and what its streams have in common."""

import attrs
import pytest
import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Limits, Switch
from mesh_plugins.connections.ages import Ages
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http2.engine import CANCEL, ENHANCE_YOUR_CALM, NO_ERROR
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.server import ServerConnection
from mesh_plugins.http2.serving import Http2Serving, Pings
from tests.plugins.http2.pairs import SERVERS
from tests.plugins.http2.serving import content, ok, served, status
from tests.socketpairs import connected, fill
from tests.waiting import settled


async def never(_request: HttpRequest) -> HttpReply:
    await trio.sleep_forever()
    raise AssertionError


def within(limits: Limits, life_seconds: float = 1e9, pings: Pings | None = None) -> Http2Serving:
    return Http2Serving(Serving(limits, ages=Ages(life_seconds)), Options(limits=limits), pings or Pings())


async def test_requests_are_answered_side_by_side(engine: str) -> None:
    arrived = trio.Event()

    async def answer(request: HttpRequest) -> HttpReply:
        if request.method == b"GET":
            await arrived.wait()
        else:
            arrived.set()
        return HttpReply(200, body=request.method)

    async with served(engine, answer) as client:
        _number, first = await client.ask(b"GET")
        _number, second = await client.ask(b"POST", b"body")
        await settled()

    assert (content(first), content(second)) == (b"GET", b"POST")
    assert client.serving.counts.open == 0


async def test_a_client_that_goes_away_ends_its_requests(engine: str) -> None:
    ended = []

    async def answer(request: HttpRequest) -> HttpReply:
        try:
            await trio.sleep_forever()
        finally:
            ended.append(request.context.flags)
        raise AssertionError

    async with served(engine, answer) as client:
        await client.ask()
        await settled()
        client.connection.close()
        await settled()

    assert ended == ["DC client_gone"]
    assert client.serving.counts.open == 0


async def test_a_reset_stream_ends_its_request_alone(engine: str) -> None:
    flags = []

    async def answer(request: HttpRequest) -> HttpReply:
        if request.method == b"GET":
            try:
                await trio.sleep_forever()
            finally:
                flags.append(request.context.flags)
        return HttpReply(204)

    async with served(engine, answer) as client:
        number, _owner = await client.ask()
        await settled()
        client.engine.reset(number, CANCEL)
        client.flush()
        await settled()
        _number, other = await client.ask(b"POST", b"a")
        await settled()

    assert flags == ["DC client_gone"]
    assert status(other) == 204
    assert client.serving.counts.remote_resets.value == 1


async def test_a_drained_connection_finishes_what_is_open_and_says_goodbye_in_two_steps(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    async def answer(_request: HttpRequest) -> HttpReply:
        await trio.sleep(5)
        return HttpReply(200, body=b"late")

    async with served(engine, answer) as client:
        number, owner = await client.ask()
        await trio.sleep(0.1)
        client.switch.drain()
        await trio.sleep(1)
        goodbyes = [told for told in client.owner.told if told[0] == "goaway"]
        ended_early = client.ended
        await trio.sleep(10)

    assert goodbyes == [("goaway", 2**31 - 1, NO_ERROR), ("goaway", number, NO_ERROR)]
    assert not ended_early
    assert content(owner) == b"late"
    assert client.ended


async def test_an_idle_connection_is_closed(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    serving = within(Limits(idle_timeout_s=60))
    async with served(engine, ok, serving) as client:
        await client.ask()
        await trio.sleep(59)
        open_then = not client.ended
        await trio.sleep(3)

    assert open_then
    assert client.ended
    assert serving.common.ages.idle.value == 1


async def test_an_old_connection_is_closed_with_its_last_stream(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    serving = within(Limits(), life_seconds=30)
    async with served(engine, ok, serving) as client:
        await trio.sleep(29)
        _number, owner = await client.ask()
        await trio.sleep(3)

    assert status(owner) == 200
    assert client.ended
    assert serving.common.ages.lifetime.value == 1


async def test_a_client_that_answers_no_ping_is_gone(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    async with served(engine, never, within(Limits(), pings=Pings(30, 5))) as client:
        await client.ask()
        await trio.sleep(100)  # whoever reads answers pings
        alive = not client.ended
        client.hears = False
        await trio.sleep(40)

    assert alive
    assert client.ended


async def test_a_client_that_never_acknowledges_is_told_so(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    async with served(engine, ok, within(Limits(header_deadline_s=10))) as client:
        client.hears = False
        await trio.sleep(12)

    assert client.ended


async def test_a_hurried_connection_that_asked_nothing_is_closed(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    async with served(engine, ok) as client:
        await trio.sleep(1)
        client.switch.hurry()
        await trio.sleep(3)

    assert client.ended


async def test_a_service_is_let_go_once_its_streams_are_over(engine: str) -> None:
    go_on = trio.Event()

    async def answer(_request: HttpRequest) -> HttpReply:
        await go_on.wait()
        return HttpReply(204)

    async with served(engine, answer) as client:
        await client.ask()
        await settled()
        client.switch.service = ok
        held = client.switch.leaves(answer)
        go_on.set()
        await settled()
        free = client.switch.leaves(answer)

    assert (held, free) == (False, True)


async def test_more_streams_than_allowed_are_refused(engine: str) -> None:
    serving = attrs.evolve(Http2Serving(), options=Options(max_streams=1))
    async with served(engine, never, serving) as client:
        await settled()
        await client.ask()
        await settled()

    assert ("limit", 1) in client.owner.told


async def test_a_request_whose_head_breaks_the_rules_is_counted(engine: str) -> None:
    refused: list[str] = []
    async with served(engine, ok) as client:
        client.switch.refused = lambda error: refused.append(type(error).__name__)
        await settled()
        without_scheme = bytes.fromhex("000002010500000001") + b"\x82\x84"  # GET /, and no more
        await client.connection.send_all(without_scheme)
        await settled()

    assert refused == ["RemoteProtocolError"]


async def test_a_head_that_never_ends_ends_the_connection(engine: str, autojump_clock: trio.testing.MockClock) -> None:
    async with served(engine, ok, within(Limits(header_deadline_s=10))) as client:
        await client.ask()
        await trio.sleep(20)
        await client.connection.send_all(bytes.fromhex("000001010100000003") + b"\x82")
        for _ in range(9):
            await trio.sleep(1)
            await client.connection.send_all(bytes.fromhex("000001090000000003") + b"\x84")
        open_then = not client.ended
        await trio.sleep(3)

    assert open_then
    assert client.ended
    assert client.owner.told[-1][0::2] == ("goaway", ENHANCE_YOUR_CALM)


async def test_a_client_that_does_not_read_the_last_word_is_left_in_time(
    engine: str, autojump_clock: trio.testing.MockClock
) -> None:
    limits = Limits(header_deadline_s=5, stream_idle_timeout_s=30)
    with connected() as (connection, _client):
        server = ServerConnection(connection, SERVERS[engine], Switch(ok), within(limits))
        with trio.move_on_after(1000):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(server.run)
                await settled()
                await fill(connection)

        assert trio.current_time() == pytest.approx(35, abs=0.1)
