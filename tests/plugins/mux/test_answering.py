"""Calls, and how they are answered."""

import gc
import weakref
from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing
from trio.testing import MockClock

from mesh import Body, Buffered, Path, Switch
from mesh_plugins.connections import workers as module
from mesh_plugins.mux.answering import Answering
from mesh_plugins.mux.message import MuxReply, MuxRequest
from tests.waiting import settled


@attrs.define(eq=False)
class Bench:
    """Answering, and what they did."""

    switch: Switch
    calls: Answering
    answers: dict[int, bytes] = attrs.field(factory=dict)
    emptied: int = 0

    def begin(self, tag: int, payload: bytes = b"hi", *, is_plain: bool = False) -> MuxRequest:
        request = MuxRequest(Path(), Buffered(payload), is_plain=is_plain)
        self.calls.begin(tag, request)
        return request

    def answer(self, frame: bytes) -> None:
        self.answers[int.from_bytes(frame[5:8], "big")] = frame[8:]

    def empty(self) -> None:
        self.emptied += 1


async def echo(request: MuxRequest) -> MuxReply:
    return MuxReply(0, request.body.buffered or b"")


def bench(nursery: trio.Nursery, service: Callable[[MuxRequest], Awaitable[MuxReply]] = echo) -> Bench:
    switch = Switch(service)
    made: list[Bench] = []
    workers = Answering(nursery, switch, lambda frame: made[0].answer(frame), 100, lambda: made[0].empty())
    made.append(Bench(switch, workers))
    return made[0]


async def test_calls_are_answered_side_by_side(nursery: trio.Nursery) -> None:
    gate = trio.Event()

    async def slow(request: MuxRequest) -> MuxReply:
        if request.body.buffered == b"slow":
            await gate.wait()
        return await echo(request)

    tried = bench(nursery, slow)
    tried.begin(2, b"slow")
    tried.begin(3, b"quick")
    await settled()
    before = dict(tried.answers)
    gate.set()
    await settled()

    assert before == {3: b"\x00\x00\x00quick"}
    assert tried.answers[2] == b"\x00\x00\x00slow"
    assert (tried.calls.pending, tried.emptied) == ({}, 1)
    nursery.cancel_scope.cancel()


async def test_a_worker_takes_one_call_after_the_other(nursery: trio.Nursery) -> None:
    tasks: set[object] = set()

    async def noted(request: MuxRequest) -> MuxReply:
        tasks.add(trio.lowlevel.current_task())
        return await echo(request)

    tried = bench(nursery, noted)
    for tag in range(2, 7):
        tried.begin(tag)
        await settled()

    assert (len(tasks), len(tried.answers)) == (1, 5)
    nursery.cancel_scope.cancel()


async def test_only_so_many_workers_wait_for_calls(nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_PARKED", 2)
    tried = bench(nursery)
    for tag in range(2, 12):
        tried.begin(tag)
    await settled()

    assert (len(tried.answers), len(nursery.child_tasks)) == (10, 2)
    nursery.cancel_scope.cancel()


async def test_a_call_that_is_given_up_is_cancelled_and_not_answered(nursery: trio.Nursery) -> None:
    seen: list[str] = []

    async def hang(request: MuxRequest) -> MuxReply:
        try:
            await trio.sleep_forever()
        finally:
            seen.append(request.context.flags)
        raise AssertionError

    tried = bench(nursery, hang)
    tried.begin(2)
    await settled()
    given_up = [tried.calls.discard(2), tried.calls.discard(2)]
    await settled()

    assert (given_up, seen, tried.answers, tried.emptied) == ([True, False], ["DC client_gone"], {}, 1)
    assert tried.calls.pending == {}
    nursery.cancel_scope.cancel()


async def test_the_tag_of_a_call_that_was_given_up_can_be_used_again(
    nursery: trio.Nursery, autojump_clock: MockClock
) -> None:
    async def shielded(request: MuxRequest) -> MuxReply:
        with trio.CancelScope(shield=request.body.buffered == b"first"):
            await trio.sleep(0.01)
        return await echo(request)

    tried = bench(nursery, shielded)
    tried.begin(2, b"first")
    await settled()
    tried.calls.discard(2)
    tried.begin(2, b"second")
    await trio.sleep(0.05)

    assert tried.answers == {2: b"\x00\x00\x00second"}
    nursery.cancel_scope.cancel()


async def test_what_a_service_raises_is_answered_as_a_failure(
    nursery: trio.Nursery, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_request: MuxRequest) -> MuxReply:
        raise ValueError("bug")

    tried = bench(nursery, broken)
    tried.begin(2)
    await settled()

    assert tried.answers[2].startswith(b"\x01\x00\x00")
    assert "no filter that turns errors into replies" in caplog.text
    nursery.cancel_scope.cancel()


class Pieces(Body):
    """A body that is not in memory."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = list(pieces)

    async def receive(self) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [((b"ab", b"cd"), b"\x00\x00\x00abcd"), ((bytes(80), bytes(80)), b"\x01\x00\x00the answer cannot be sent")],
)
async def test_a_body_that_streams_is_gathered_within_limits(
    nursery: trio.Nursery, pieces: tuple[bytes, ...], expected: bytes
) -> None:
    async def streaming(_request: MuxRequest) -> MuxReply:
        return MuxReply(0, Pieces(*pieces))

    tried = bench(nursery, streaming)
    tried.begin(2)
    await settled()

    assert tried.answers[2].startswith(expected)
    nursery.cancel_scope.cancel()


async def test_a_plain_call_gets_a_plain_answer(nursery: trio.Nursery) -> None:
    tried = bench(nursery)
    tried.begin(2, is_plain=True)
    await settled()

    assert tried.answers == {2: b"\x00hi"}
    nursery.cancel_scope.cancel()


async def test_one_knows_which_service_has_calls_open(nursery: trio.Nursery) -> None:
    async def hang(_request: MuxRequest) -> MuxReply:
        await trio.sleep_forever()
        raise AssertionError

    tried = bench(nursery, hang)
    tried.begin(2)
    tried.switch.service = echo
    await settled()
    while_open = (tried.calls.uses(hang), tried.calls.uses(echo))
    tried.calls.discard(2)

    assert (while_open, tried.calls.uses(hang)) == ((True, False), False)
    nursery.cancel_scope.cancel()


async def test_a_reply_is_closed_once_it_is_answered(nursery: trio.Nursery) -> None:
    replies: list[MuxReply] = []

    async def noted(request: MuxRequest) -> MuxReply:
        replies.append(await echo(request))
        return replies[-1]

    tried = bench(nursery, noted)
    tried.begin(2)
    await settled()

    assert [reply.closed for reply in replies] == [True]
    nursery.cancel_scope.cancel()


async def test_a_worker_without_a_call_keeps_nothing_of_the_last_one(nursery: trio.Nursery) -> None:
    class Traced(Buffered):
        """A body to which there can be weak references."""

    def begin(tag: int) -> weakref.ref[Traced]:
        body = Traced(b"large")
        made.calls.begin(tag, MuxRequest(Path(), body))
        return weakref.ref(body)

    made = bench(nursery)

    kept = [begin(tag) for tag in (2, 3)]
    await settled()
    gc.collect()

    assert [reference() for reference in kept] == [None, None]


async def test_one_knows_how_many_bytes_the_open_calls_have(nursery: trio.Nursery) -> None:
    async def hang(request: MuxRequest) -> MuxReply:
        if request.destination == Path():
            await trio.sleep_forever()
        return MuxReply()

    made = bench(nursery, hang)

    for tag, path in ((2, ""), (3, "/a"), (4, "")):
        made.calls.begin(tag, MuxRequest(Path.read(path) if path else Path()), 1000)
    held = [made.calls.held]
    await settled()
    held.append(made.calls.held)
    made.calls.discard(2)
    held.append(made.calls.held)
    await settled()

    assert [*held, made.calls.held] == [3000, 2000, 1000, 1000]
