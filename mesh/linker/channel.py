"""What a supervisor and its workers say to each other: messages over a pair of Unix sockets, which can carry sockets.

A message is four bytes of length and as much JSON; its key `sockets` says how many file descriptors came with it. Either side
may be gone at any time: then there are no more messages.
"""

import array
import json
import socket
from collections.abc import Sequence
from typing import Any

import trio

from mesh.errors import MeshError

MAX_BYTES = 256 << 20  # of one message; a stack file has 8 MiB at most, the metrics of 1000 clients some more
PASSED = 200  # descriptors passed with one byte; Linux allows 253
PIECE = 1 << 20

Message = dict[str, Any]
"""What is said, as JSON can hold it."""


class ChannelClosed(MeshError):
    """The process at the other end has gone."""

    detail = "channel_closed"


class Channel:
    """One end. Several tasks may send, one receives. State: what was read and not returned yet."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = trio.socket.from_stdlib_socket(sock)
        self._sending = trio.Lock()
        self._read = bytearray()
        self._descriptors: list[int] = []

    async def send(self, message: Message, sockets: Sequence[socket.socket] = ()) -> None:
        """Send a message, and sockets, which stay the sender's as well. Raises `ChannelClosed`."""
        text = json.dumps({**message, "sockets": len(sockets)}).encode()
        data = memoryview(len(text).to_bytes(4, "big") + text)
        async with self._sending:
            try:
                for start in range(0, len(sockets), PASSED):
                    passed = array.array("i", [sock.fileno() for sock in sockets[start : start + PASSED]])
                    await self._sock.sendmsg([data[:1]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, passed)])
                    data = data[1:]
                while data:
                    data = data[await self._sock.send(data) :]
            except (OSError, trio.ClosedResourceError) as error:
                raise ChannelClosed("the process at the other end has gone") from error

    async def receive(self) -> tuple[Message, list[socket.socket]] | None:
        """Return the next message with the sockets that came with it, which are the receiver's; None at the end."""
        head = await self._take(4)
        if head is None or int.from_bytes(head, "big") > MAX_BYTES:
            return None
        text = await self._take(int.from_bytes(head, "big"))
        if text is None:
            return None
        message: Message = json.loads(text)
        count = message.pop("sockets")
        passed, self._descriptors = self._descriptors[:count], self._descriptors[count:]
        return message, [socket.socket(fileno=descriptor) for descriptor in passed]

    async def _take(self, size: int) -> bytes | None:
        while len(self._read) < size:
            try:
                data, passed, _flags, _address = await self._sock.recvmsg(
                    PIECE, socket.CMSG_LEN(PASSED * 4), socket.MSG_CMSG_CLOEXEC
                )
            except (OSError, trio.ClosedResourceError):
                return None
            for level, kind, octets in passed:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self._descriptors += array.array("i", octets)
            if not data:
                return None
            self._read += data
        taken = bytes(self._read[:size])
        del self._read[:size]
        return taken

    def close(self) -> None:
        """Close this end. Idempotent."""
        self._sock.close()


class Caller:
    """The end that asks: numbers its questions, so that several may be open. State: who waits for which answer."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: dict[int, trio.Event] = {}
        self._answers: dict[int, Message] = {}
        self._next = 0
        self._closed = False

    async def run(self) -> None:
        """Hand answers to those who wait for them, until the other end has gone."""
        while (received := await self._channel.receive()) is not None:
            message, _sockets = received
            number = message["answer"]
            if number in self._waiting:
                self._answers[number] = message
                self._waiting[number].set()
        self._closed = True
        for event in self._waiting.values():
            event.set()

    async def call(self, name: str, sockets: Sequence[socket.socket] = (), **fields: Any) -> Message:
        """Ask, and return the answer. Raises `ChannelClosed`."""
        self._next += 1
        number, event = self._next, trio.Event()
        if self._closed:
            raise ChannelClosed("the process at the other end has gone")
        self._waiting[number] = event
        try:
            await self._channel.send({"call": name, "number": number, **fields}, sockets)
            await event.wait()
            if number not in self._answers:
                raise ChannelClosed("the process at the other end has gone")
            return self._answers[number]
        finally:
            del self._waiting[number]
            self._answers.pop(number, None)
