"""Makes the sessions of one client: of one call at a time, or of several."""

from mesh import Connection, Life, Limits, NewSession, Session
from mesh_plugins.thrift.asking import Refusals
from mesh_plugins.thrift.multiplexed import MultiplexedSession
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.session import ThriftSession


def new_session(peer: Peer, limits: Limits) -> NewSession:
    """Return what makes sessions with the endpoints of one client."""
    refusals = Refusals()

    def one(connection: Connection, _life: Life) -> Session:
        return ThriftSession(connection, peer, limits, refusals)

    def several(connection: Connection, life: Life) -> Session:
        return MultiplexedSession(connection, life, peer, limits, refusals)

    return one if peer.calls == 1 else several
