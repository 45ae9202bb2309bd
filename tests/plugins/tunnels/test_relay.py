"""Copying both ways: what each side sees of the other's bytes, end, slowness and loss."""

import contextlib
import pathlib
import socket
import ssl
from collections.abc import AsyncIterator

import attrs
import pytest
import trio
import trio.testing

from mesh import Body, Connection, Metrics, StreamConnection
from mesh_plugins.tunnels.counts import TunnelCounts
from mesh_plugins.tunnels.relay import Ending, Relay
from mesh_plugins.tunnels.tunnel import Incoming
from tests.certificates import Authority
from tests.socketpairs import connected, drain, fill
from tests.waiting import settled

Stream = trio.StapledStream[trio.testing.MemorySendStream, trio.testing.MemoryReceiveStream]


@attrs.define(eq=False)
class Bench:
    """A relay in a task of its own, the plain sockets at its two ends, and what became of it."""

    client: socket.socket
    endpoint: socket.socket
    counts: TunnelCounts
    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    ending: Ending | None = None
    over: trio.Event = attrs.field(factory=trio.Event)

    async def run(self, relay: Relay, from_client: Body, from_endpoint: Body) -> None:
        with self.scope:
            self.ending = await relay.run(from_client, from_endpoint)
        self.over.set()

    async def ended(self) -> Ending | None:
        with trio.fail_after(5):
            await self.over.wait()
        return self.ending


@contextlib.asynccontextmanager
async def relayed(
    early: bytes = b"", first: bytes = b"", idle_seconds: float = 60.0, room: int = 0
) -> AsyncIterator[Bench]:
    """Copy between two pairs of sockets; `room` makes their buffers small."""
    with connected() as (near, client), connected() as (far, endpoint):
        for sock in (client, endpoint):
            sock.setblocking(False)
            if room:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        bench = Bench(client, endpoint, TunnelCounts(Metrics()))
        relay = Relay(near, far, idle_seconds, bench.counts)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(bench.run, relay, Incoming(near, early), Incoming(far, first))
            yield bench
            nursery.cancel_scope.cancel()


async def receive(sock: socket.socket, size: int) -> bytes:
    """Return the next `size` bytes, or fewer at the end."""
    found = b""
    with trio.fail_after(5):
        while len(found) < size:
            await trio.lowlevel.wait_readable(sock)
            piece = sock.recv(size - len(found))
            if not piece:
                break
            found += piece
    return found


async def test_what_was_read_before_comes_first_in_both_directions() -> None:
    async with relayed(early=b"early ", first=b"first ") as bench:
        bench.client.send(b"hello")
        bench.endpoint.send(b"world")

        heard = await receive(bench.endpoint, 11), await receive(bench.client, 11)

    assert heard == (b"early hello", b"first world")


async def test_each_end_is_passed_on_by_itself() -> None:
    async with relayed() as bench:
        bench.client.shutdown(socket.SHUT_WR)
        at_the_endpoint = await receive(bench.endpoint, 1)
        bench.endpoint.send(b"still here")
        heard = await receive(bench.client, 10)
        bench.endpoint.shutdown(socket.SHUT_WR)
        at_the_client = await receive(bench.client, 1)
        ending = await bench.ended()

    assert (at_the_endpoint, heard, at_the_client, ending) == (b"", b"still here", b"", Ending.CLOSED)


async def test_what_a_connection_has_kept_goes_before_the_end(nursery: trio.Nursery) -> None:
    with connected() as (near, client), connected() as (far, endpoint):
        await fill(near)
        near.unsent = b"kept"
        relay = Relay(near, far, 60.0, TunnelCounts(Metrics()))
        nursery.start_soon(relay.run, Incoming(near, b""), Incoming(far, b""))
        endpoint.shutdown(socket.SHUT_WR)
        await settled()
        received = b""
        while piece := drain(client):
            received = piece
            await settled()
        nursery.cancel_scope.cancel()

    assert received[-4:] == b"kept"


async def test_what_goes_through_is_counted() -> None:
    async with relayed(early=b"123") as bench:
        bench.endpoint.send(b"12345")
        await receive(bench.endpoint, 3)
        await receive(bench.client, 5)
        await settled()
        counts = bench.counts
        during = (counts.open.value, counts.received.value, counts.sent.value, counts.opened.value)
        bench.client.close()
        bench.endpoint.close()
        await bench.ended()

    assert during == (1, 3, 5, 1)
    assert counts.open.value == 0


async def test_a_reader_that_does_not_read_stops_the_writer() -> None:
    async with relayed(room=4096) as bench:
        sent = await _fill(bench.client)
        await trio.sleep(0.05)
        more = await _fill(bench.client)
        held = bench.counts.received.value
        heard = await receive(bench.endpoint, sent + more)

    assert len(heard) == sent + more
    assert sent + more < 2**22
    assert held < sent + more


async def _fill(sock: socket.socket) -> int:
    """Send until nothing more is taken for a while."""
    sent = 0
    for _time in range(10):
        with contextlib.suppress(BlockingIOError):
            while True:
                sent += sock.send(bytes(65536))
        await trio.sleep(0.005)
    return sent


async def test_the_other_direction_goes_on_while_one_is_stuck() -> None:
    async with relayed(room=4096) as bench:
        await _fill(bench.client)
        bench.endpoint.send(b"hello")
        heard = await receive(bench.client, 5)

    assert heard == b"hello"


class Seen(StreamConnection):
    """A connection in memory that remembers how it ended."""

    def __init__(self, stream: Stream) -> None:
        super().__init__(stream)
        self.aborted = False
        self.said_farewell = False

    def abort(self) -> None:
        self.aborted = True
        self.close()

    async def aclose(self) -> None:
        self.said_farewell = True
        await super().aclose()


@attrs.define(eq=False)
class Pair:
    """Two connections in memory with their far ends."""

    near: Seen
    far: Seen
    client: Stream
    endpoint: Stream


def pair() -> Pair:
    client, near = trio.testing.memory_stream_pair()
    endpoint, far = trio.testing.memory_stream_pair()
    return Pair(Seen(near), Seen(far), client, endpoint)


async def relay(near: Connection, far: Connection, idle_seconds: float = 60.0) -> Ending:
    """Copy between two connections, nothing of which was read before."""
    counts = TunnelCounts(Metrics())
    return await Relay(near, far, idle_seconds, counts).run(Incoming(near, b""), Incoming(far, b""))


async def test_a_stream_without_half_close_ends_the_tunnel_with_its_farewell() -> None:
    ends = pair()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(relay, ends.near, ends.far)
        await ends.endpoint.send_all(b"bye")
        await ends.endpoint.send_eof()
        heard = b"".join([bytes(piece) async for piece in ends.client])

    assert heard == b"bye"
    assert ends.near.said_farewell
    assert (ends.near.aborted, ends.far.aborted) == (False, False)


@pytest.mark.parametrize("side", ["client", "endpoint"])
async def test_over_tls_the_end_of_the_other_side_is_a_proper_farewell(side: str, tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("a.test")
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(files.cert, files.key)
    asking = ssl.create_default_context(cafile=authority.path)
    ends = pair()
    secure = trio.SSLStream(ends.near._stream, serving, server_side=True)
    client = trio.SSLStream(ends.client, asking, server_hostname="a.test")
    near = StreamConnection(secure)
    heard = b""

    async with trio.open_nursery() as nursery:
        nursery.start_soon(relay, near, ends.far) if side == "client" else nursery.start_soon(relay, ends.far, near)
        await client.send_all(b"ping")
        while len(heard) < 4:
            heard += await ends.endpoint.receive_some()
        await ends.endpoint.send_all(b"bye")
        await ends.endpoint.send_eof()
        said = b"".join([bytes(piece) async for piece in client])  # raises if the end is not a proper one
        await client.aclose()

    assert (heard, said) == (b"ping", b"bye")


async def test_a_tunnel_in_which_nothing_moves_is_closed_and_not_reset(
    autojump_clock: trio.testing.MockClock,
) -> None:
    ends = pair()

    ending = await relay(ends.near, ends.far, 30.0)

    assert ending is Ending.IDLE
    assert trio.current_time() == pytest.approx(30, abs=0.1)
    assert (ends.near.aborted, ends.far.aborted) == (False, False)


@pytest.mark.parametrize("stage", ["idle", "writing", "half closed"])
async def test_a_tunnel_that_is_cancelled_resets_both_sides(stage: str) -> None:
    async with relayed(room=4096) as bench:
        if stage == "writing":
            await _fill(bench.client)
        elif stage == "half closed":
            bench.client.shutdown(socket.SHUT_WR)
        await trio.sleep(0.02)
        bench.scope.cancel()
        ending = await bench.ended()

        assert ending is None
        assert bench.counts.open.value == 0
        for sock in (bench.client, bench.endpoint):
            with contextlib.suppress(ConnectionResetError):
                while await receive(sock, 65536):
                    pass


@pytest.mark.parametrize("side", ["client", "endpoint"])
async def test_a_side_that_breaks_resets_the_other(side: str) -> None:
    ends = pair()
    broken = ends.near if side == "client" else ends.far

    async with trio.open_nursery() as nursery:
        endings = []

        async def run() -> None:
            endings.append(await relay(ends.near, ends.far))

        nursery.start_soon(run)
        await trio.testing.wait_all_tasks_blocked()
        broken.close()

    assert endings == [Ending.CLIENT if side == "client" else Ending.ENDPOINT]
    assert (ends.near.aborted, ends.far.aborted) == (True, True)


async def test_a_side_that_ended_in_good_order_and_then_went_away_has_broken_nothing() -> None:
    async with relayed() as bench:
        bench.endpoint.send(b"bye")
        bench.endpoint.close()
        heard = await receive(bench.client, 4)
        bench.client.send(b"too late")
        ending = await bench.ended()

    assert (heard, ending) == (b"bye", Ending.CLOSED)
