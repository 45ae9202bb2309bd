"""A closed loop of calls over Mux: on each connection so many at a time, the next one when an answer comes."""

import selectors
import socket
import time

import attrs

from tests.bench.client import Address, connect
from tests.bench.errors import ReplyError

CONNECTIONS = 4
OUTSTANDING = 16  # calls at a time on each
PAYLOAD = b"0123456789abcdef" * 4
RDISPATCH, TPING = 0xFE, 0x41
FIRST_TAG = 2  # the first that is a call's
TRACE = b"com.twitter.finagle.tracing.TraceContext", bytes(range(1, 9)) * 3 + bytes(8)
RETRIES = b"com.twitter.finagle.Retries", bytes(4)


def dispatch(tag: int, destination: str) -> bytes:
    """Return a call with the contexts that Finagle's own clients send, and 64 bytes."""
    contexts = b"".join(_text(name) + _text(value) for name, value in (TRACE, RETRIES))
    body = tag.to_bytes(3, "big") + b"\0\2" + contexts + _text(destination.encode()) + b"\0\0" + PAYLOAD
    return (1 + len(body)).to_bytes(4, "big") + b"\x02" + body


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


@attrs.define(eq=False)
class Calls:
    """One connection. The mutable state: what came of a frame that is not whole yet, and how many answers came."""

    connection: socket.socket
    frames: list[bytes]
    answered: int = 0
    received: bytes = b""

    def begin(self) -> None:
        """Send as many calls as there are tags."""
        self.connection.sendall(b"".join(self.frames))

    def go_on(self) -> None:
        """Send a call for each answer that came. Raises `ReplyError` for what is no good answer."""
        data = self.connection.recv(1 << 18)
        if not data:
            raise ReplyError("the connection ended")
        data = self.received + data
        sent, at = [], 0
        while at + 4 <= len(data):
            end = at + 4 + int.from_bytes(data[at : at + 4], "big")
            if end > len(data):
                break
            if data[at + 4] == TPING:
                sent.append(b"\0\0\0\x04\xbf" + data[at + 5 : at + 8])
            elif data[at + 4] != RDISPATCH or data[at + 8] or data[end - 64 : end] != PAYLOAD:
                raise ReplyError(f"not an echo: {data[at:end][:200]!r}")
            else:
                sent.append(self.frames[int.from_bytes(data[at + 5 : at + 8], "big") - FIRST_TAG])
                self.answered += 1
            at = end
        self.received = data[at:]
        if sent:
            self.connection.sendall(b"".join(sent))


def call(address: Address, destination: str) -> None:
    """Make one call. Raises `ReplyError` and `OSError`."""
    with connect(address) as connection:
        calls = Calls(connection, [dispatch(FIRST_TAG, destination)])
        calls.begin()
        while not calls.answered:
            calls.go_on()


def load(address: Address, destination: str, *, seconds: float) -> tuple[int, float]:
    """Return how many calls were answered, in how many seconds. Raises `ReplyError` unless every one was echoed."""
    frames = [dispatch(FIRST_TAG + number, destination) for number in range(OUTSTANDING)]
    connections = [Calls(connect(address), frames) for _ in range(CONNECTIONS)]
    try:
        with selectors.DefaultSelector() as selector:
            for calls in connections:
                selector.register(calls.connection, selectors.EVENT_READ, calls)
                calls.begin()
            started = time.perf_counter()
            while (passed := time.perf_counter() - started) < seconds:
                for ready, _ in selector.select(0.1):
                    ready.data.go_on()
    finally:
        for calls in connections:
            calls.connection.close()
    return sum(calls.answered for calls in connections), passed
