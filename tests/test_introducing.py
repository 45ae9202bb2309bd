import pytest
import trio
import trio.testing

from mesh.codec import SESSION, Session
from mesh.connecting import CONNECTOR
from mesh.endpoint import ENDPOINT, Endpoint
from mesh.errors import TotalTimeout, UpstreamBroken
from mesh.expiry import Expiry
from mesh.introducing import INTRODUCES, IntroducingSession, Introduction
from mesh.life import LIFE, Life
from mesh.message import Context, Request
from mesh.params import Params
from mesh.pool import pool
from mesh.pool_limits import POOL_LIMITS, PoolLimits
from mesh.stream_connection import StreamConnection
from mesh.transport import Connection
from tests.sessions import WEB, Bench, FakeSession

SAID = b"PROXY TCP4 192.0.2.1 0.0.0.0 1111 0\r\n"


def asked() -> Request:
    made = Request()
    made.context = Context(peer="192.0.2.1:1111")
    return made


class Ends:
    """Both ends of a connection in memory, with a session at the near one."""

    def __init__(self, nursery: trio.Nursery) -> None:
        near, self.far = trio.testing.memory_stream_pair()
        self.connection: Connection = StreamConnection(near)
        self.begun: list[FakeSession] = []
        self.capacity = 1
        self.session: Session = IntroducingSession(
            self.connection, self.begin, Life(nursery), Introduction("v1", self.secure)
        )

    def begin(self, connection: Connection, _life: Life) -> Session:
        self.begun.append(FakeSession(connection, self.capacity))
        return self.begun[-1]

    async def secure(self, connection: Connection) -> Connection:
        await connection.send_all(b"hands are shaken")
        return connection


async def test_the_client_is_told_before_anything_else(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)

    await ends.session(asked())

    assert await ends.far.receive_some() == SAID + b"hands are shaken"
    assert [below.calls for below in ends.begun] == [1]


async def test_a_session_takes_one_call_and_closes_with_its_reply(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)

    reply = await ends.session(asked())
    capacity, closed = ends.session.capacity, ends.session.closed
    await reply.aclose()

    assert (capacity, closed) == (0, False)
    assert (ends.session.closed, ends.begun[0].closed) == (True, True)


async def test_an_endpoint_that_changes_how_many_calls_it_takes_ends_none(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)
    ends.capacity = 8

    reply = await ends.session(asked())
    ends.begun[0].set_capacity(100)
    closed = ends.session.closed
    await reply.aclose()

    assert (closed, ends.session.closed) == (False, True)


async def test_an_endpoint_that_takes_no_further_calls_still_ends_the_one_that_is_open(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)

    reply = await ends.session(asked())
    ends.begun[0].leave()
    closed = ends.begun[0].closed
    await reply.aclose()

    assert (closed, ends.session.closed, ends.begun[0].closed) == (False, True, True)


async def test_a_connection_that_breaks_before_it_is_introduced_has_done_no_harm(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)
    await ends.far.aclose()

    with pytest.raises(UpstreamBroken) as caught:
        await ends.session(asked())

    assert caught.value.retryable
    assert ends.session.closed


async def test_a_session_whose_endpoint_hangs_up_before_its_call_is_not_used(nursery: trio.Nursery) -> None:
    ends = Ends(nursery)
    assert ends.connection.on_hang_up is not None

    ends.connection.on_hang_up()

    assert (ends.session.closed, ends.session.is_usable()) == (True, False)


async def test_a_request_that_is_late_is_not_introduced_to_the_end(
    nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    ends = Ends(nursery)
    request = asked()
    request.context.expiry = Expiry(trio.current_time() + 1, TotalTimeout, "too late")

    async def never(_connection: Connection) -> Connection:
        await trio.sleep_forever()
        raise AssertionError("woken")

    session = IntroducingSession(ends.connection, ends.begin, Life(nursery), Introduction("v1", never))

    with pytest.raises(TotalTimeout, match="too late"):
        await session(request)

    assert session.closed


async def test_a_pool_opens_a_connection_for_each_call(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    params = Params().put(SESSION, bench.begin).put(CONNECTOR, bench.connect).put(ENDPOINT, WEB)
    service = pool(params.put(LIFE, Life(nursery)).put(INTRODUCES, Introduction("v2")))

    for _ in range(3):
        await (await service(asked())).aclose()

    assert bench.calls == [1, 1, 1]
    assert [session.closed for session in bench.sessions] == [True] * 3


async def test_calls_do_not_wait_for_a_connection_that_introduces_another_s_client(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    opening: list[Endpoint] = []

    async def connect(endpoint: Endpoint) -> Connection:
        opening.append(endpoint)
        await trio.sleep_forever()
        raise AssertionError("woken")

    params = Params().put(SESSION, bench.begin).put(CONNECTOR, connect).put(ENDPOINT, WEB)
    params = params.put(POOL_LIMITS, PoolLimits(calls_per_session=10)).put(INTRODUCES, Introduction("v2"))
    service = pool(params.put(LIFE, Life(nursery)))

    for _ in range(2):
        nursery.start_soon(service, asked())
    await trio.testing.wait_all_tasks_blocked()

    assert opening == [WEB, WEB]
    nursery.cancel_scope.cancel()
