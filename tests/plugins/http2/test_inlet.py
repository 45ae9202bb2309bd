"""The way into a connection."""

from collections import Counter

import trio

from mesh import Connection
from mesh.testing import memory_connections
from mesh_plugins.http2.inlet import Inlet


class Pressing(Connection):
    """A peer that sends without a pause, `left` chunks; reading never waits."""

    def __init__(self, left: int) -> None:
        super().__init__("peer")
        self.left = left

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        self.left -= 1
        return bytes(65536) if self.left >= 0 else b""


async def test_what_comes_is_handed_on_up_to_the_end() -> None:
    near, far = memory_connections()
    inlet = Inlet(near)
    await far.send_all(b"ab")
    far.close()

    received = [await inlet.receive(), await inlet.receive()]

    assert received == [b"ab", b""]


async def test_others_have_their_turn_while_a_peer_sends_without_a_pause(nursery: trio.Nursery) -> None:
    inlet, turn, turns = Inlet(Pressing(6)), 0, list[int]()

    async def read() -> None:
        while await inlet.receive():
            turns.append(turn)

    nursery.start_soon(read)
    while len(turns) < 6:
        turn += 1
        await trio.lowlevel.checkpoint()

    assert max(Counter(turns).values()) <= 4  # two in a row, and tasks of one turn run in any order
