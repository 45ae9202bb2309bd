"""How endpoints are reached: opening connections."""

import contextlib
import errno
import math
import socket
from collections.abc import Awaitable, Callable, Iterator

import trio

from mesh.endpoint import Endpoint
from mesh.errors import ConnectFailed, Overloaded
from mesh.params import Param
from mesh.transport import Connection, SocketConnection

CONNECT_SECONDS = 1.0  # Finagle's default
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)  # this machine's doing, whoever the peer is

Connector = Callable[[Endpoint], Awaitable[Connection]]
"""Opens a connection to an endpoint; raises `ConnectFailed`, and `Overloaded` for a lack of our own."""


@contextlib.contextmanager
def _closing_on_error(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


async def connect(
    endpoint: Endpoint, *, seconds: float = CONNECT_SECONDS, no_delay: bool = True, keep_alive: bool = False
) -> Connection:
    """Open a TCP connection within `seconds`; cancelling leaves nothing open.

    Raises `ConnectFailed`, or `Overloaded` when it is this machine that has no socket left.
    """
    family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
    try:
        sock = socket.socket(family, socket.SOCK_STREAM)
        with _closing_on_error(sock):
            sock.setblocking(False)
            if no_delay:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if keep_alive:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            code = sock.connect_ex((endpoint.host, endpoint.port))
            if code not in (0, errno.EINPROGRESS):
                raise ConnectFailed(f"cannot connect to {endpoint}: {errno.errorcode.get(code, code)}")
            connection = SocketConnection(sock, str(endpoint))
    except OSError as error:
        if error.errno in EXHAUSTED:
            hint = "; the limit of open files (ulimit -n) may be too low" if error.errno == errno.EMFILE else ""
            raise Overloaded(f"no socket is left for {endpoint}: {error.strerror}{hint}") from error
        raise ConnectFailed(f"cannot open a socket for {endpoint}: {error.strerror}") from error
    if code == errno.EINPROGRESS:
        await _connected(connection, sock, endpoint, seconds)
    return connection


async def _connected(connection: SocketConnection, sock: socket.socket, endpoint: Endpoint, seconds: float) -> None:
    connection.deadline = trio.current_time() + seconds
    try:
        await connection.wait_send_all_might_not_block()
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    except trio.TooSlowError as error:
        connection.close()
        raise ConnectFailed(f"cannot connect to {endpoint} within {seconds:g} s") from error
    except BaseException:
        connection.close()
        raise
    if code:
        connection.close()
        raise ConnectFailed(f"cannot connect to {endpoint}: {errno.errorcode.get(code, code)}")
    connection.deadline = math.inf


CONNECTOR: Param[Connector] = Param(connect, "connector")
"""How endpoints are reached; tests put one that never touches a socket."""
