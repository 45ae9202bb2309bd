"""`python -m tests.faults.backend PORT NAME`: an HTTP/1.1 server that fails on command.

It reads one mode per line from its standard input and acknowledges each with a line. Replies say who answered, in `x-backend`.
"""

import contextlib
import socket
import struct
import sys
from typing import Literal

import attrs
import trio

from tests.e2e.raw import Incomplete, Message, RawConnection, reply

Mode = Literal["fine", "slow", "errors", "reset", "refuse", "full"]

SLOW_SECONDS = 2.0
CONTENT = b"x" * 64
LARGE = b"y" * (8 << 20)
BACKLOG = 1024
WAITING = 16  # connections that fill the queue of a listener which accepts nobody


@attrs.define(eq=False)
class Backend:
    """One server. State: its mode, its listener if it has one, its connections, and those it made to fill its own queue."""

    port: int
    name: str
    mode: Mode = "fine"
    _answered: int = 0
    _listener: trio.SocketListener | None = None
    _accepting: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    _connections: set[RawConnection] = attrs.field(factory=set)
    _queued: list[socket.socket] = attrs.field(factory=list)

    async def run(self) -> None:
        """Serve, and change the mode as it is told, until the standard input ends."""
        async with trio.open_nursery() as nursery:
            self._listen(nursery, BACKLOG)
            print(f"ready {self.name}", flush=True)
            while line := (await trio.to_thread.run_sync(sys.stdin.readline, abandon_on_cancel=True)).strip():
                self._change(nursery, line)
                print(f"done {line}", flush=True)
            nursery.cancel_scope.cancel()

    def _change(self, nursery: trio.Nursery, line: str) -> None:
        was_away = self.mode in ("refuse", "full")
        self.mode = line  # type: ignore[assignment]  # whoever drives it knows the modes
        for waiting in self._queued:
            waiting.close()
        self._queued.clear()
        if line in ("refuse", "full"):
            self._leave()
            if line == "full":
                self._fill()
        elif was_away:
            self._leave()
            self._listen(nursery, BACKLOG)

    def _leave(self) -> None:
        """Close the listener and reset every connection."""
        self._accepting.cancel()
        if self._listener is not None:
            self._listener.socket.close()
            self._listener = None
        for connection in list(self._connections):
            connection.reset()

    def _bind(self, backlog: int) -> socket.socket:
        sock = socket.socket()
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", self.port))
        sock.listen(backlog)
        return sock

    def _listen(self, nursery: trio.Nursery, backlog: int) -> None:
        self._listener = trio.SocketListener(trio.socket.from_stdlib_socket(self._bind(backlog)))
        self._accepting = trio.CancelScope()
        nursery.start_soon(self._accept, self._listener, self._accepting)

    def _fill(self) -> None:
        """Listen, accept nobody, and fill the queue, so that the kernel answers no attempt to connect."""
        self._queued.append(self._bind(0))
        for _number in range(WAITING):
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(("127.0.0.1", self.port))
            self._queued.append(sock)

    async def _accept(self, listener: trio.SocketListener, accepting: trio.CancelScope) -> None:
        async with trio.open_nursery() as nursery:
            with accepting:
                while True:
                    nursery.start_soon(self._serve, RawConnection(await listener.accept(), patience=3600))

    async def _serve(self, connection: RawConnection) -> None:
        self._connections.add(connection)
        try:
            while (asked := await connection.message()) is not None:
                if not await self._answer(connection, asked):
                    return
        except (Incomplete, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
            return
        finally:
            self._connections.discard(connection)
            connection.close()

    async def _answer(self, connection: RawConnection, asked: Message) -> bool:
        """Answer as the mode says; return whether the connection goes on."""
        self._answered += 1
        who = f"x-backend: {self.name}"
        if self.mode == "slow":
            await trio.sleep(SLOW_SECONDS)
        if self.mode == "errors" and self._answered % 2:
            await connection.send(reply(500, who, reason="Broken"))
        elif self.mode == "reset":
            whole = reply(200, who, body=CONTENT)
            await connection.send(whole[: -len(CONTENT) // 2])
            await trio.sleep(0.01)  # so that the half is read before the reset throws it away
            connection.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        else:
            await connection.stream.send_all(reply(200, who, body=LARGE if b"/large" in asked.first else CONTENT))
        return True


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        trio.run(Backend(int(sys.argv[1]), sys.argv[2]).run)
