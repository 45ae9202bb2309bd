"""An open-loop load generator: requests leave at a fixed rate, and a latency counts from the planned send.

A closed loop (wrk) stops its clock when the proxy stalls, which hides the stall (coordinated omission). Here the n-th
request is due at `start + n / rate`, whatever happened before; a request whose turn comes while every connection is
busy waits, and its wait is part of its latency. Arrivals are evenly spaced.

One thread, one epoll. Python's `epoll.poll` rounds its timeout up to whole milliseconds, so the wait is a `select` on
the epoll descriptor itself (microseconds), with the timer slack of the thread lowered from 50 µs to 1 µs. What it can offer
is bounded by what it spends on a request, so a reply that came before, to the byte, is not read anew.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.bench.client import Address, connect, exchange, read_head
from tests.bench.errors import ReplyError
from tests.bench.spread import percentile

CHUNK = 4096  # bytes read at once, far more than a reply has; asking for 64 KiB takes 1 µs more
MOST_KNOWN = 1024  # replies that are remembered with their status: few differ, but each second brings another date
DRAIN_SECONDS = 2.0  # how long replies may still arrive after the last planned send
TIMER_SLACK = Path("/proc/self/timerslack_ns")


@attrs.frozen
class Outcome:
    """What one run saw.

    `latencies` holds, by status, the seconds from the planned send to the end of the reply, of all replies that came.
    `in_time` counts those that came within the `seconds` of the run. `lateness` is how long a request was held back
    although its turn had come and a connection was free: the generator's own fault. `unanswered` requests were planned
    and got no reply; `broken` counts the connections that the proxy closed in the middle of an exchange.
    """

    seconds: float
    latencies: dict[int, list[float]]
    in_time: dict[int, int]
    lateness: list[float]
    unanswered: int
    broken: int

    def latency(self, share: float, status: int = 200) -> float:
        """Return the seconds that the `share` (0 to 1) of the replies with `status` stayed within; NaN if none came."""
        return percentile(sorted(self.latencies.get(status, ())), share)

    def rate(self, status: int = 200) -> float:
        """Return the replies with `status` per second of the run."""
        return self.in_time.get(status, 0) / self.seconds


@attrs.define(eq=False)
class _Connection:
    """One keep-alive connection; `planned` belongs to the request that is under way, `free_since` to an idle one."""

    socket: socket.socket
    free_since: float
    recv: Callable[[int], bytes]
    send: Callable[[bytes], int]
    planned: float = 0.0
    is_busy: bool = False
    received: bytes = b""


class OpenLoop:
    """Sends `request` to `address` at `rate` per second for `seconds`, over `connections` keep-alive connections.

    The mutable state belongs to the thread that calls `run`, once.
    """

    def __init__(self, address: Address, request: bytes, *, rate: float, seconds: float, connections: int = 64) -> None:
        self._address = address
        self._request = request
        self._rate = rate
        self._seconds = seconds
        self._count = connections
        self._epoll = select.epoll()
        self._connections: dict[int, _Connection] = {}
        self._idle: deque[_Connection] = deque()
        self._due: deque[float] = deque()
        self._latencies: dict[int, list[float]] = {}
        self._known: dict[bytes, int] = {}
        self._lateness: list[float] = []
        self._planned = 0
        self._broken = 0

    def run(self) -> Outcome:
        """Open the connections, use each once, send everything that is planned, and wait a little for the last replies."""
        total = round(self._rate * self._seconds)
        try:
            for _ in range(self._count):
                self._open(is_first=True)
            with _undisturbed():
                start = time.perf_counter()
                end = start + self._seconds
                self._drive(start, total, until=end)
                in_time = {status: len(latencies) for status, latencies in self._latencies.items()}
                self._drive(start, total, until=end + DRAIN_SECONDS)
        finally:
            for connection in self._connections.values():
                connection.socket.close()
            self._epoll.close()
        return Outcome(
            seconds=self._seconds,
            latencies=self._latencies,
            in_time=in_time,
            lateness=self._lateness,
            unanswered=total - sum(len(latencies) for latencies in self._latencies.values()),
            broken=self._broken,
        )

    def _drive(self, start: float, total: int, *, until: float) -> None:
        """Send what is due and read replies, `until` then or until all `total` replies came."""
        clock, epoll, due, interval = time.perf_counter, self._epoll, self._due, 1 / self._rate
        next_at = start + self._planned * interval
        while self._planned < total or due or len(self._idle) < self._count:
            now = clock()
            if now >= until:
                return
            while next_at <= now and self._planned < total:
                due.append(next_at)
                self._planned += 1
                next_at = start + self._planned * interval
            if due and self._idle:
                self._send_due()
            wait = (next_at if self._planned < total else until) - clock()
            if wait <= 0 or select.select((epoll,), (), (), wait)[0]:
                self._receive(epoll.poll(0))

    def _send_due(self) -> None:
        due, idle, clock, request, held_back = self._due, self._idle, time.perf_counter, self._request, self._lateness
        while due and idle:
            connection = idle.popleft()
            connection.planned = planned = due.popleft()
            connection.is_busy = True
            held_back.append(clock() - max(planned, connection.free_since))
            try:
                connection.send(request)
            except OSError:
                self._reopen(connection)

    def _receive(self, events: list[tuple[int, int]]) -> None:
        """Take the replies that came, as far as they did."""
        connections, known, clock, idle = self._connections, self._known, time.perf_counter, self._idle
        for descriptor, _ in events:
            connection = connections[descriptor]
            try:
                received = connection.recv(CHUNK)
            except BlockingIOError:
                continue
            except OSError:
                received = b""
            status = known.get(received) if not connection.received else None
            if status is None:
                status = self._read(connection, received)
                if status is None:
                    continue
            now = clock()
            self._latencies[status].append(now - connection.planned)
            connection.free_since = now
            connection.is_busy = False
            idle.append(connection)

    def _read(self, connection: _Connection, received: bytes) -> int | None:
        """Return the status of the reply, if this is the end of it."""
        if not received:
            self._reopen(connection)
            return None
        connection.received = reply = connection.received + received
        head = read_head(reply)
        if head is None or len(reply) < head.end + head.length:
            return None
        if len(reply) > head.end + head.length:
            raise ReplyError(f"{self._address}: bytes after the reply: {reply[:200]!r}")
        connection.received = b""
        self._latencies.setdefault(head.status, [])
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[reply] = head.status
        return head.status

    def _open(self, *, is_first: bool = False) -> None:
        opened = connect(self._address)
        if is_first:
            exchange(opened, self._request)
        opened.setblocking(False)
        connection = _Connection(opened, time.perf_counter(), opened.recv, opened.send)
        self._connections[opened.fileno()] = connection
        self._epoll.register(opened, select.EPOLLIN)
        self._idle.append(connection)

    def _reopen(self, connection: _Connection) -> None:
        if connection.is_busy:
            self._broken += 1
        else:
            self._idle.remove(connection)
        del self._connections[connection.socket.fileno()]
        connection.socket.close()
        self._open()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Keep the garbage collector and the kernel's timer slack out of the measured time."""
    slack = TIMER_SLACK.read_text()
    gc.collect()
    gc.disable()
    TIMER_SLACK.write_text("1000")
    try:
        yield
    finally:
        TIMER_SLACK.write_text(slack)
        gc.enable()
