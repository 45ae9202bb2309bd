"""What stands between an accepted socket and the codec of its listener."""

import socket
from collections.abc import Callable, Sequence

import attrs

from mesh.errors import ConfigError, Problem, RemoteProtocolError
from mesh.linker.assemble import BuiltRouter
from mesh.linker.listener import Listener
from mesh.metrics import Metrics
from mesh.proxy_protocol import receive_introduction
from mesh.settings import Limits, ServerSettings, StackFile, TlsServer
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
                made.append(_entrance(router, server.settings, f"{router.label} {server.label}", scope))
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


def _entrance(router: BuiltRouter, server: ServerSettings, title: str, scope: Metrics) -> Entrance:
    introduced = server.limits if server.proxy_protocol else None
    named = router.parts.alpn
    alpn = router.settings.protocol.kind.alpn if named is None else named(server)
    return entrance(server.tls, title, scope, alpn, introduced)


def entrance(
    tls: TlsServer | None,
    title: str,
    scope: Metrics,
    alpn: tuple[str, ...] = (),
    introduced: Limits | None = None,
) -> Entrance:
    """Return the entrance of a server with metrics in `scope`; `title` is what the log calls it, `alpn` what it speaks.

    With `introduced`, clients must say in the PROXY protocol whom they speak for, within these limits. Raises
    `UnusableFilesError`.
    """
    acceptor = None if tls is None else TlsAcceptor(tls, title, scope, alpn)
    show = scope.scope("tls").remove if acceptor is None else acceptor.show
    if acceptor is None and introduced is None:
        return Entrance(plain_connection, show)

    async def accept(sock: socket.socket, peer: str) -> Connection:
        below = SocketConnection(sock, peer)
        if introduced is not None:
            try:
                await receive_introduction(below, introduced.header_deadline_s, introduced.proxy_v1_max_bytes)
            except RemoteProtocolError:
                scope.scope("proxy_protocol").counter("failures").value += 1
                raise
        return below if acceptor is None else await acceptor.shake_hands(below)

    return Entrance(accept, show)
