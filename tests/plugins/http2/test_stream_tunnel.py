"""One stream as the client's end of a tunnel."""

import trio
import trio.testing

from mesh import HttpReply, HttpRequest, Switch
from mesh.testing import memory_connections
from mesh_plugins.http.switched import connected
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.switching import Tunnels
from mesh_plugins.http2.engine import CANCEL
from mesh_plugins.http2.frames import DATA, END_HEADERS, END_STREAM, HEADERS, PREFACE, RST_STREAM, SETTINGS
from mesh_plugins.http2.server import ServerConnection
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.tunnels.tunnel import Tunnel
from tests.plugins.http2.driving import block, frame, frames_of
from tests.plugins.http2.pairs import SERVERS

IDLE_SECONDS = 20.0
CONNECT = block((b":method", b"CONNECT"), (b":authority", b"a.test:1"))


class Tunnelling:
    """A client's connection with a server whose tunnels all lead to `far`; `heard` is what the client was sent."""

    def __init__(self, engine: str, nursery: trio.Nursery, flags: int = END_HEADERS) -> None:
        self.client, ours = memory_connections()
        self.near, self.far = memory_connections()
        tunnels = Tunnels(connect=True, idle_seconds=IDLE_SECONDS)
        serving = Http2Serving(Serving(tunnels=tunnels))
        self.heard = bytearray()
        self._begin = PREFACE + frame(SETTINGS, 0, 0) + frame(SETTINGS, 1, 0) + frame(HEADERS, flags, 1, CONNECT)
        nursery.start_soon(ServerConnection(ours, SERVERS[engine], Switch(self._connect), serving).run)
        nursery.start_soon(self._hear)

    async def _connect(self, request: HttpRequest) -> HttpReply:
        return connected(Tunnel(self.near))

    async def _hear(self) -> None:
        while data := await self.client.receive_some():
            self.heard += data

    async def begin(self) -> None:
        await self.say(self._begin)

    async def say(self, data: bytes) -> None:
        await self.client.send_all(data)
        await trio.testing.wait_all_tasks_blocked()

    @property
    def told(self) -> list[tuple[int, int, bytes]]:
        """What came on the stream after its head."""
        return [(kind, flags, data) for kind, flags, stream, data in frames_of(bytes(self.heard)) if stream][1:]


async def test_bytes_pass_both_ways_until_the_endpoint_ends(engine: str, nursery: trio.Nursery) -> None:
    made = Tunnelling(engine, nursery)

    await made.begin()
    await made.say(frame(DATA, 0, 1, b"there"))
    received = await made.far.receive_some()
    await made.far.send_all(b"back")
    made.far.close()
    await trio.testing.wait_all_tasks_blocked()

    assert received == b"there"
    assert made.told[0] == (DATA, 0, b"back")
    assert made.told[1][:2] == (DATA, END_STREAM)


async def test_a_client_may_have_nothing_to_say(engine: str, nursery: trio.Nursery) -> None:
    made = Tunnelling(engine, nursery, END_HEADERS | END_STREAM)

    await made.begin()

    assert await made.far.receive_some() == b""


async def test_it_is_over_when_nothing_moves(
    engine: str, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    made = Tunnelling(engine, nursery)

    await made.begin()
    await trio.sleep(IDLE_SECONDS * 0.9)
    before = made.told
    await trio.sleep(IDLE_SECONDS * 0.2)

    assert before == []
    assert made.told == [(RST_STREAM, 0, CANCEL.to_bytes(4))]


async def test_a_client_that_does_not_read_holds_a_tunnel_no_longer_than_one_that_is_silent(
    engine: str, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    made = Tunnelling(engine, nursery)

    await made.begin()
    await made.far.send_all(bytes(100_000))  # more than the window
    await trio.sleep(IDLE_SECONDS * 1.1)

    assert made.told[-1] == (RST_STREAM, 0, CANCEL.to_bytes(4))
    assert sum(len(data) for kind, _, data in made.told if kind == DATA) == 65535
