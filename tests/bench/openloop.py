"""An open-loop load generator: requests leave at a fixed rate, and a latency counts from the planned send.

A closed loop (wrk) stops its clock when the proxy stalls, which hides the stall (coordinated omission). Here the n-th
request is due at `start + n / rate`, whatever happened before; a request whose turn comes while every connection is
busy waits, and its wait is part of its latency. Arrivals are evenly spaced.

One thread, one epoll. Python's `epoll.poll` rounds its timeout up to whole milliseconds, so the wait is a `select` on
the epoll descriptor itself (microseconds), with the timer slack of the thread lowered from 50 µs to 1 µs.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from tests.bench.client import Address, ReplyError, read_head
from tests.bench.spread import percentile

DRAIN_SECONDS = 2.0  # how long replies may still arrive after the last planned send
TIMER_SLACK = Path("/proc/self/timerslack_ns")


@attrs.frozen
class Outcome:
    """What one run saw; latencies are seconds, in the order of the replies.

    `by_status` holds the latencies from the planned send, `since_sent` those from the moment the request was written.
    `lateness` is how long after its turn a request left although a connection was free: the generator's own fault.
    `unanswered` were planned and never got a reply; `broken` counts connections that the proxy closed in mid-request.
    """

    planned: int
    seconds: float
    by_status: dict[int, list[float]]
    since_sent: dict[int, list[float]]
    lateness: list[float]
    unanswered: int
    broken: int

    def latency(self, share: float, status: int = 200) -> float:
        """Return the latency that the `share` (0 to 1) of the replies with `status` stayed within, from the plan."""
        return percentile(sorted(self.by_status.get(status, ())), share)

    def rate(self, status: int = 200) -> float:
        """Return the replies with `status` per second."""
        return len(self.by_status.get(status, ())) / self.seconds


@attrs.define(eq=False)
class _Connection:
    """One keep-alive connection; `planned` and `sent` belong to the request that is under way."""

    socket: socket.socket
    planned: float = 0.0
    sent: float = 0.0
    is_busy: bool = False
    received: bytes = b""


class OpenLoop:
    """Sends `request` to `address` at `rate` per second for `seconds`, over `connections` keep-alive connections."""

    # The mutable state below belongs to the thread that calls `run`, which may be called again for another run.

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
        self._by_status: dict[int, list[float]] = {}
        self._since_sent: dict[int, list[float]] = {}
        self._lateness: list[float] = []
        self._broken = 0

    def run(self) -> Outcome:
        """Open the connections, send everything that is planned, and wait a little for the last replies."""
        try:
            for _ in range(self._count):
                self._open()
            with _undisturbed():
                planned = self._drive()
        finally:
            for connection in self._connections.values():
                connection.socket.close()
            self._epoll.close()
        answered = sum(len(latencies) for latencies in self._by_status.values())
        return Outcome(
            planned=planned,
            seconds=self._seconds,
            by_status=self._by_status,
            since_sent=self._since_sent,
            lateness=self._lateness,
            unanswered=planned - answered,
            broken=self._broken,
        )

    def _drive(self) -> int:
        clock, epoll, due = time.perf_counter, self._epoll, self._due
        interval = 1 / self._rate
        total = round(self._rate * self._seconds)
        start = clock() + 0.01
        planned = 0
        next_at = start
        deadline = start + self._seconds + DRAIN_SECONDS
        while planned < total or due or len(self._idle) < self._count:
            now = clock()
            if now >= deadline:
                break
            while next_at <= now and planned < total:
                due.append(next_at)
                planned += 1
                next_at = start + planned * interval
            if due and self._idle:
                self._send_due()
            wait = (next_at if planned < total else deadline) - clock()
            if wait > 0:
                select.select((epoll,), (), (), wait)
            for descriptor, _ in epoll.poll(0):
                self._receive(self._connections[descriptor])
        return planned

    def _send_due(self) -> None:
        due, idle, clock, request = self._due, self._idle, time.perf_counter, self._request
        while due and idle:
            connection = idle.popleft()
            connection.planned = planned = due.popleft()
            connection.is_busy = True
            connection.sent = sent = clock()
            self._lateness.append(sent - planned)
            try:
                connection.socket.send(request)
            except OSError:
                self._reopen(connection)

    def _receive(self, connection: _Connection) -> None:
        try:
            received = connection.socket.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            received = b""
        if not received:
            self._reopen(connection)
            return
        connection.received += received
        head = read_head(connection.received)
        if head is None or len(connection.received) < head.end + head.length:
            return
        if len(connection.received) > head.end + head.length:
            raise ReplyError(f"{self._address}: bytes after the reply: {connection.received[:200]!r}")
        now = time.perf_counter()
        latencies = self._by_status.get(head.status)
        if latencies is None:
            latencies = self._by_status[head.status] = []
            self._since_sent[head.status] = []
        latencies.append(now - connection.planned)
        self._since_sent[head.status].append(now - connection.sent)
        connection.is_busy = False
        connection.received = b""
        self._idle.append(connection)

    def _open(self) -> None:
        opened = socket.create_connection(self._address, timeout=2)
        opened.setblocking(False)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = _Connection(opened)
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
