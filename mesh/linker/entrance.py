"""What stands between an accepted socket and the codec of its listener."""

import socket
from collections.abc import Callable, Sequence

import attrs

from mesh.errors import ConfigError, Problem
from mesh.linker.assemble import BuiltRouter
from mesh.linker.listener import Listener
from mesh.metrics import Metrics
from mesh.settings import StackFile, TlsServer
from mesh.tls import TlsAcceptor, UnusableFilesError
from mesh.transport import Connection, NewConnection, SocketConnection, plain_connection

ADMIN_ALPN = ("http/1.1", "http/1.0")


@attrs.frozen(eq=False)
class Entrance:
    """How the connections of one listener are made; `show` shows among the metrics what there is to show of it."""

    connection: NewConnection
    show: Callable[[], None]

    def open(self, listener: Listener) -> None:
        """Let those come in this way whom the listener accepts from now on."""
        listener.connection = self.connection
        self.show()


def _nothing() -> None:
    """Stand in for what is shown of a plain entrance."""


PLAIN = Entrance(plain_connection, _nothing)


def entrances(settings: StackFile, routers: Sequence[BuiltRouter], metrics: Metrics) -> tuple[list[Entrance], Entrance]:
    """Return the entrances of all servers, in the order of the stack file, and that of the admin server.

    Raises `ConfigError` for files that cannot be used.
    """
    made: list[Entrance] = []
    admin = PLAIN
    problems: list[Problem] = []
    for place, router in enumerate(routers):
        for number, server in enumerate(router.servers):
            scope = router.metrics.scope("server", server.label, label=True)
            try:
                alpn = router.settings.protocol.kind.alpn
                made.append(entrance(server.settings.tls, f"{router.label} {server.label}", scope, alpn))
            except UnusableFilesError as error:
                problems.append(
                    Problem(f"TLS cannot be served: {error}", key=f"routers[{place}].servers[{number}].tls")
                )
    try:
        admin = entrance(settings.admin.tls, "admin", metrics.scope("admin"), ADMIN_ALPN)
    except UnusableFilesError as error:
        problems.append(Problem(f"TLS cannot be served: {error}", key="admin.tls"))
    if problems:
        raise ConfigError(*problems)
    return made, admin


def entrance(tls: TlsServer | None, title: str, scope: Metrics, alpn: tuple[str, ...] = ()) -> Entrance:
    """Return the entrance of a server with metrics in `scope`; `title` is what the log calls it, `alpn` what it speaks.

    Raises `UnusableFilesError`.
    """
    if tls is None:
        return Entrance(plain_connection, lambda: scope.scope("tls").remove())
    acceptor = TlsAcceptor(tls, title, scope, alpn)

    async def accept(sock: socket.socket, peer: str) -> Connection:
        return await acceptor.shake_hands(SocketConnection(sock, peer))

    return Entrance(accept, acceptor.show)
