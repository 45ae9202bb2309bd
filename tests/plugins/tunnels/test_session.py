"""Sessions that hand their connection over."""

from mesh import Connection, HttpRequest, Life, Session, StreamConnection
from mesh.testing import memory_connections
from mesh_plugins.http.switched import SwitchedReply, connected
from mesh_plugins.tunnels.session import TunnelSession, new_tunnel_session

ASK = HttpRequest(b"CONNECT", b"web:1", [])


def opened() -> tuple[TunnelSession, StreamConnection, Connection]:
    near, far = memory_connections()
    return TunnelSession(near, connected), near, far


async def test_the_reply_carries_the_connection_and_closes_it() -> None:
    session, near, far = opened()
    changes: list[bool] = []
    session.on_change = lambda changed: changes.append(changed.closed)

    reply = await session(ASK)
    assert isinstance(reply, SwitchedReply)
    during = (session.capacity, session.closed, reply.tunnel.connection is near, reply.whole)
    await reply.aclose()

    assert during == (0, False, True, False)
    assert (session.closed, changes, await far.receive_some()) == (True, [True], b"")


async def test_a_connection_on_which_the_endpoint_has_spoken_can_be_used() -> None:
    session, _near, far = opened()

    await far.send_all(b"220 welcome")

    assert session.is_usable()


async def test_a_connection_that_the_endpoint_closed_cannot_be_used() -> None:
    session, near, _far = opened()

    near.hung_up = True

    assert not session.is_usable()


async def test_a_free_session_closes_when_the_endpoint_hangs_up() -> None:
    session, near, _far = opened()

    assert near.on_hang_up is not None
    near.on_hang_up()

    assert session.closed


async def test_a_tunnel_stays_open_when_the_endpoint_hangs_up() -> None:
    session, near, _far = opened()

    await session(ASK)
    assert near.on_hang_up is not None
    near.on_hang_up()

    assert not session.closed


async def test_sessions_are_made_for_a_pool() -> None:
    near, _far = memory_connections()

    session = new_tunnel_session(connected)(near, Life(None))

    assert isinstance(session, Session)
    assert session.capacity == 1
