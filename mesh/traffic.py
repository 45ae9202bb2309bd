"""How much went over connections, and how long they lasted, without looking at any byte.

The kernel counts what each TCP connection receives and sends; it is asked when a connection closes, and of those that are open
when somebody wants to know. Per request this costs nothing, per connection 2 µs. What is counted are the bytes on the wire:
with TLS, the encrypted ones. Source: linux/include/uapi/linux/tcp.h, `struct tcp_info`.
"""

import math
import socket
import struct
import time
from collections.abc import Callable
from typing import Protocol

LOOK_SECONDS = 0.1  # for which what was seen of the open connections is good enough
_RECEIVED = struct.Struct("128x Q 8x I")  # tcpi_bytes_received, tcpi_notsent_bytes
_SENT = struct.Struct("200x QQ")  # tcpi_bytes_sent, tcpi_bytes_retrans; since Linux 4.19
_SIZE = 216
_ENDED = (6, 8, 9, 11)  # values of tcpi_state in which the end of the peer's stream has come, which counts as a byte


class Account(Protocol):
    """What is told of connections."""

    def opened(self, sock: socket.socket) -> None:
        """Take note of a connection that is counted from now on."""

    def closed(self, sock: socket.socket) -> None:
        """Take note that a connection is about to be closed."""


class _Nobody:
    def opened(self, sock: socket.socket) -> None:
        """Count nothing."""

    def closed(self, sock: socket.socket) -> None:
        """Count nothing."""


NOBODY: Account = _Nobody()
"""The account of connections that nobody counts."""


class Traffic:
    """The connections of one server, or of one client. `lasted` is called with the milliseconds that each was open.

    State: the open connections, with when they were opened, what the closed ones had received and sent, and what the last
    look at the open ones has seen.
    """

    __slots__ = ("_clock", "_looked", "_open", "_received", "_seen", "_sent", "lasted")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._open: dict[socket.socket, float] = {}
        self._received = self._sent = 0
        self._looked, self._seen = -math.inf, (0, 0)
        self.lasted: Callable[[float], None] = _ignore

    def opened(self, sock: socket.socket) -> None:
        """Count a connection from now on."""
        self._open[sock] = self._clock()

    def closed(self, sock: socket.socket) -> None:
        """Keep what went over a connection that is about to be closed."""
        begun = self._open.pop(sock, None)
        if begun is not None:
            received, sent = _traffic(sock)
            self._received += received
            self._sent += sent
            self._looked = -math.inf
            self.lasted((self._clock() - begun) * 1e3)

    @property
    def received(self) -> int:
        """The bytes received by now."""
        return self._received + self._look()[0]

    @property
    def sent(self) -> int:
        """The bytes sent by now, those included that wait to be taken by the network."""
        return self._sent + self._look()[1]

    def _look(self) -> tuple[int, int]:
        """Return what the open connections have received and sent; who wants both, one after the other, pays once."""
        now = self._clock()
        if now - self._looked > LOOK_SECONDS:
            both = [_traffic(sock) for sock in self._open]  # 12 ms for 10,000
            self._seen = (sum(received for received, _sent in both), sum(sent for _received, sent in both))
            self._looked = now
        return self._seen


def _ignore(_ms: float) -> None:
    """Stand in for a histogram that nobody wants."""


def _traffic(sock: socket.socket) -> tuple[int, int]:
    """Return the bytes that a connection has received and sent; none where the system does not say so."""
    try:
        told = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _SIZE)
    except OSError:
        return 0, 0
    if len(told) < _SIZE:
        return 0, 0
    received, waiting = _RECEIVED.unpack_from(told)
    sent, repeated = _SENT.unpack_from(told)
    return received - (told[0] in _ENDED), sent - repeated + waiting
