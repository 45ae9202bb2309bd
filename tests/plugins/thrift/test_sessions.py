"""Which session a client's endpoints get."""

import pytest
import trio

from mesh import Life, Limits
from mesh.testing import memory_connections
from mesh_plugins.thrift.multiplexed import MultiplexedSession
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.session import ThriftSession
from mesh_plugins.thrift.sessions import new_session


@pytest.mark.parametrize(("calls", "kind"), [(1, ThriftSession), (2, MultiplexedSession)])
async def test_a_session_takes_as_many_calls_as_the_client_says(calls: int, kind: type, nursery: trio.Nursery) -> None:
    near, _endpoint = memory_connections()
    life = Life(nursery)

    session = new_session(Peer(calls=calls), Limits())(near, life)
    life.close()

    assert (type(session), session.capacity) == (kind, calls)
