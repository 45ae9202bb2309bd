"""The rotation: who is told that a slice is over, and when."""

from itertools import pairwise

import trio
from trio.testing import MockClock

from mesh.metrics.rotation import BATCH, SLICE_SECONDS, SLICES, Rotation


class Member:
    """Closes slices, and says that it has some left the given number of times."""

    def __init__(self, rotation: Rotation, left: int) -> None:
        self.rotation = rotation
        self.left = left
        self.closed: list[int] = []

    def close_slice(self) -> bool:
        self.closed.append(self.rotation.number)
        self.left -= 1
        return self.left > 0


def test_a_member_is_told_once_per_slice_until_it_has_none_left() -> None:
    now = 0.0
    rotation = Rotation(lambda: now)
    member = Member(rotation, left=3)
    rotation.join(member)
    rotation.join(member)

    for second in range(100):
        now = float(second)
        rotation.advance()

    assert member.closed == [1, 2, 3]


def test_slices_that_passed_unseen_are_closed_as_one() -> None:
    now = 0.0
    rotation = Rotation(lambda: now)
    member = Member(rotation, left=9)
    rotation.join(member)

    now = 10 * SLICE_SECONDS
    rotation.advance()

    assert member.closed == [10]
    assert rotation.oldest == 10 - SLICES + 1


async def test_running_closes_every_slice_on_time(autojump_clock: MockClock) -> None:
    rotation = Rotation(trio.current_time)
    members = [Member(rotation, left=3) for _ in range(2 * BATCH + 1)]
    for member in members:
        rotation.join(member)

    with trio.move_on_after(3.5 * SLICE_SECONDS):
        await rotation.run()

    first = members[0].closed
    assert [later - earlier for earlier, later in pairwise(first)] == [1, 1]
    assert all(member.closed == first for member in members)


async def test_a_reader_finishes_the_round_that_running_has_begun(autojump_clock: MockClock) -> None:
    rotation = Rotation(trio.current_time)
    members = [Member(rotation, left=1) for _ in range(5 * BATCH)]
    for member in members:
        rotation.join(member)
    begun = rotation.number

    async with trio.open_nursery() as nursery:
        nursery.start_soon(rotation.run)
        while rotation.number == begun:
            await trio.sleep(SLICE_SECONDS / 4)
        rotation.advance()
        unclosed = [member for member in members if not member.closed]
        nursery.cancel_scope.cancel()

    assert unclosed == []
