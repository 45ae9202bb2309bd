import pytest
import trio
import trio.testing

from mesh.codec import SESSION, Session
from mesh.endpoint import ENDPOINT
from mesh.errors import UpstreamBroken
from mesh.introducing import INTRODUCES, IntroducingSession
from mesh.life import LIFE, Life
from mesh.message import Context, Request
from mesh.params import Params
from mesh.pool import pool
from mesh.transport import CONNECTOR, Connection, StreamConnection
from tests.sessions import WEB, Bench, FakeSession

SAID = b"PROXY TCP4 192.0.2.1 0.0.0.0 1111 0\r\n"


def asked() -> Request:
    made = Request()
    made.context = Context(peer="192.0.2.1:1111")
    return made


class Ends:
    """Both ends of a connection in memory, with a session at the near one."""

    def __init__(self) -> None:
        near, self.far = trio.testing.memory_stream_pair()
        self.connection: Connection = StreamConnection(near)
        self.below = FakeSession(self.connection)
        self.session: Session = IntroducingSession(self.connection, self.below, "v1")


async def test_the_client_is_told_before_anything_else() -> None:
    ends = Ends()

    await ends.session(asked())

    assert await ends.far.receive_some() == SAID
    assert ends.below.calls == 1


async def test_a_session_takes_one_call_and_closes_with_its_reply() -> None:
    ends = Ends()

    reply = await ends.session(asked())
    capacity, closed = ends.session.capacity, ends.session.closed
    await reply.aclose()

    assert (capacity, closed) == (0, False)
    assert (ends.session.closed, ends.below.closed) == (True, True)


async def test_a_connection_that_breaks_before_it_is_introduced_has_done_no_harm() -> None:
    ends = Ends()
    await ends.far.aclose()

    with pytest.raises(UpstreamBroken) as caught:
        await ends.session(asked())

    assert caught.value.retryable
    assert ends.session.closed


async def test_a_session_that_closes_below_is_not_used() -> None:
    ends = Ends()

    ends.below.close()

    assert (ends.session.closed, ends.session.is_usable()) == (True, False)


async def test_a_pool_opens_a_connection_for_each_call(nursery: trio.Nursery) -> None:
    bench = Bench(nursery)
    params = Params().put(SESSION, bench.begin).put(CONNECTOR, bench.connect).put(ENDPOINT, WEB)
    service = pool(params.put(LIFE, Life(nursery)).put(INTRODUCES, "v2"))

    for _ in range(3):
        await (await service(asked())).aclose()

    assert bench.calls == [1, 1, 1]
    assert [session.closed for session in bench.sessions] == [True] * 3
