"""Listening: sockets are bound before anything is served, and accept until told to stop."""

import errno
import logging
import socket

import attrs
import trio

from mesh.codec import Serve, Switch
from mesh.errors import MeshError
from mesh.settings import SocketOptions
from mesh.transport import SocketConnection

logger = logging.getLogger(__name__)

ACCEPTED = 64  # connections taken in a row before other tasks get their turn
BACKLOG = 1024  # connections that may wait to be accepted, unless the stack file says otherwise
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
EXHAUSTED_SECONDS = 0.1  # pause when there is no file descriptor for a client; it waits in the queue meanwhile


class ListenError(MeshError):
    """An address could not be bound."""

    detail = "listen"


def open_socket(ip: str, port: int, options: SocketOptions) -> socket.socket:
    """Return a listening socket. Raises `ListenError` that says which address, and why."""
    family = socket.AF_INET6 if ":" in ip else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if options.reuse_addr:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if options.reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if options.keep_alive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, int(options.no_delay))  # accepted sockets inherit it
        sock.bind((ip, port))
        sock.listen(options.backlog or BACKLOG)
    except OSError as error:
        sock.close()
        raise ListenError(f"cannot listen on {ip}:{port}: {error.strerror}") from error
    return sock


@attrs.define(eq=False)
class Listener:
    """One listening socket, which it owns, and the connections accepted from it."""

    sock: socket.socket
    serve: Serve
    switch: Switch

    @property
    def address(self) -> str:
        """The address that is listened on, the port that the system chose included."""
        ip, port, *_more = self.sock.getsockname()
        return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"

    async def run(self, nursery: trio.Nursery) -> None:
        """Accept connections and serve each in a task of `nursery`, until cancelled; then empty the queue and close."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self.sock.fileno())
                if not self._accept(nursery):
                    await trio.sleep(EXHAUSTED_SECONDS)
        finally:
            self._accept(nursery)
            self.sock.close()

    def _accept(self, nursery: trio.Nursery) -> bool:
        """Take what waits in the queue; return False if the system is out of something."""
        for _number in range(ACCEPTED):
            try:
                sock, address = self.sock.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return True
            except OSError as error:
                if error.errno in EXHAUSTED:
                    logger.warning("%s: cannot accept: %s", self.address, error.strerror)
                    return False
                logger.debug("%s: a connection ended before it was accepted: %s", self.address, error)
                continue
            sock.setblocking(False)
            nursery.start_soon(self._run, sock, f"{address[0]}:{address[1]}")
        return True

    async def _run(self, sock: socket.socket, peer: str) -> None:
        try:
            await self.serve(SocketConnection(sock, peer), self.switch)
        except Exception:
            logger.exception("the connection with %s ended in an error", peer)
        finally:
            sock.close()
