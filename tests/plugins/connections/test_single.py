"""Sessions that carry one call at a time."""

from mesh import Connection, Reply, Request, Session
from mesh.testing import memory_connections
from mesh_plugins.connections.single import SingleSession


class Silent(SingleSession):
    """A session whose calls are over at once."""

    async def __call__(self, request: Request, /) -> Reply:
        return Reply()


def session() -> tuple[Silent, Connection, list[Session]]:
    """Return a session, its connection, and the list that it is put into whenever it changes."""
    near, _far = memory_connections()
    made, changed = Silent(near), list[Session]()
    made.on_change = changed.append
    return made, near, changed


def hang_up(connection: Connection) -> None:
    """Tell what the transport would."""
    assert connection.on_hang_up is not None
    connection.on_hang_up()


async def test_a_free_one_is_closed_when_its_endpoint_does_something() -> None:
    made, connection, changed = session()
    before = made.is_usable()

    hang_up(connection)

    assert (before, made.is_usable(), made.closed, made.capacity, changed) == (True, False, True, 0, [made])


async def test_one_that_is_taken_reads_what_its_endpoint_does() -> None:
    made, connection, changed = session()
    made.capacity = 0

    hang_up(connection)

    assert (made.closed, changed) == (False, [])


async def test_closing_is_told_once() -> None:
    made, _connection, changed = session()

    made.close()
    made.close()

    assert changed == [made]
