"""The way out of a connection."""

import trio
import trio.testing

from mesh import Connection
from mesh.testing import memory_connections
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.outlet import Outlet
from mesh_plugins.http2.reference import ReferenceClient
from tests.plugins.http2.pairs import HOST, Owner, Stream


class Counted:
    """An engine that counts how often its output was taken."""

    def __init__(self) -> None:
        self.engine = ReferenceClient(Owner(), Options(), trio.current_time)
        self.taken: list[int] = []
        self._take_output = self.engine.take_output
        self.engine.take_output = self.take_output  # type: ignore[method-assign]  # to count

    def take_output(self) -> bytes:
        data = self._take_output()
        if data:
            self.taken.append(len(data))
        return data


async def test_what_is_said_in_one_turn_leaves_in_one_write(nursery: trio.Nursery) -> None:
    near, _far = memory_connections()
    counted = Counted()
    outlet = Outlet(near, counted.engine, trio.current_time)
    nursery.start_soon(outlet.run)
    await trio.testing.wait_all_tasks_blocked()
    go_on = trio.Event()

    async def ask() -> None:
        await go_on.wait()
        counted.engine.open(Stream(), b"GET", b"/", b"http", HOST, None, ends=True)
        outlet.kick()

    for _ in range(5):
        nursery.start_soon(ask)
    await trio.testing.wait_all_tasks_blocked()
    before = len(counted.taken)
    go_on.set()
    await trio.testing.wait_all_tasks_blocked()
    nursery.cancel_scope.cancel()

    assert len(counted.taken) - before == 1
    assert counted.engine.open_streams == 5


async def test_it_ends_once_everything_was_sent(nursery: trio.Nursery) -> None:
    near, far = memory_connections()
    engine = ReferenceClient(Owner(), Options(), trio.current_time)
    outlet = Outlet(near, engine, trio.current_time)

    outlet.finish()
    await outlet.run()

    assert (await far.receive_some()).startswith(b"PRI * HTTP/2.0")
    assert engine.pending() == 0


class Keeping(Connection):
    """A connection that keeps what `send` is given until `send_all`."""

    def __init__(self) -> None:
        super().__init__("peer")
        self.kept = self.sent = b""

    def send(self, data: bytes | bytearray | memoryview) -> None:
        self.kept += data

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += self.kept + data
        self.kept = b""


async def test_what_the_connection_keeps_is_sent_before_the_end() -> None:
    connection = Keeping()
    outlet = Outlet(connection, ReferenceClient(Owner(), Options(), trio.current_time), trio.current_time)

    outlet.finish()
    await outlet.run()

    assert connection.sent.startswith(b"PRI * HTTP/2.0")


async def test_it_ends_when_the_connection_is_gone() -> None:
    near, far = memory_connections()
    far.close()
    outlet = Outlet(near, ReferenceClient(Owner(), Options(), trio.current_time), trio.current_time)

    await outlet.run()

    assert not outlet.last
