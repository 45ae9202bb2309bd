"""The server side of TLS: from an accepted socket to a connection, for clients of every kind, the hostile ones included.

Theory of operation. Each handshake happens in the task of its own connection, so that nobody waits for another's; it has
one deadline for all of it. What the client says first is read here before the TLS library sees it: it chooses the
certificate, and shows what is no TLS at all. To make keys costs half a millisecond, in which everybody else waits; so
only a few connections do that in one turn of the scheduler. The number of clients in a handshake is bounded: one
more takes the place of the one that waits longest, which is a client that says nothing, if there is one.
"""

import logging
import ssl
import time

import trio

from mesh.errors import RemoteProtocolError
from mesh.metrics import Metrics
from mesh.settings.tls import TlsServer
from mesh.tls.connection import TlsConnection, reason
from mesh.tls.contexts import ServerContexts, server_contexts, server_files
from mesh.tls.hello import HelloReader
from mesh.tls.names import all_names, ambiguity, is_one_of
from mesh.tls.reloading import Reloading, UnusableFilesError
from mesh.transport import Connection, SocketConnection

logger = logging.getLogger(__name__)

AT_ONCE = 8  # handshakes that make keys in one turn: at most 4 ms in which nothing else happens
TELL_SECONDS = 60.0  # between two warnings about handshakes that failed for the same cause
NO_PROTOCOL = bytes.fromhex("15030300020278")  # the alert no_application_protocol. Source: RFC 7301 section 3.2
METHODS = (b"GET ", b"HEAD", b"POST", b"PUT ", b"DELE", b"OPTI", b"PATC", b"TRAC", b"CONN", b"PRI ")  # as they begin
PLAIN_REPLY = (
    b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n"
    b"content-length: 28\r\n\r\nthis port speaks HTTPS only\n"
)


class HandshakeError(RemoteProtocolError):
    """A client was refused before it could speak. `cause` is one word for metrics."""

    detail = "handshake"

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class TlsAcceptor:
    """Makes the TLS connections of one listener.

    State: `_open`, the connections in a handshake, the longest first, by what they were when they came; when each cause was
    last told of.
    """

    def __init__(
        self,
        settings: TlsServer,
        title: str,
        scope: Metrics,
        alpn: tuple[str, ...] = (),
    ) -> None:
        """Read the files; raises `UnusableFilesError`. `title` is what the log calls the server, `scope` is for its metrics.

        A client that offers protocols (ALPN) must offer one of `alpn`, unless that is empty.
        """
        self._settings = settings
        self._title = title
        self._protocols = frozenset(alpn)
        self._certificates: Reloading[ServerContexts] = Reloading(
            f"the certificate {settings.cert_path}",
            server_files(settings),
            lambda contents: server_contexts(settings, contents, alpn),
        )
        self._certificates.current()
        self._open: dict[SocketConnection, SocketConnection] = {}
        self._turns = trio.Semaphore(AT_ONCE)
        self._told: dict[str, float] = {}
        self._scope = scope = scope.scope("tls")
        self._handshakes = scope.counter("handshakes")
        self._resumed = scope.counter("resumed")
        self._latency = scope.histogram("handshake_latency_ms")

    def show(self) -> None:
        """Show the state of this acceptor among the metrics, instead of that of the one before it."""
        scope, certificates = self._scope, self._certificates
        scope.gauge("handshaking", fn=lambda: len(self._open))
        scope.gauge("seconds_to_expiry", fn=lambda: certificates.current().earliest_end - time.time())
        scope.counter("reloads", fn=lambda: certificates.reloads)
        scope.counter("reload_failures", fn=lambda: certificates.failures)
        scope.gauge("stale", fn=lambda: certificates.current() is not None and certificates.problem != "")

    async def shake_hands(self, below: SocketConnection) -> Connection:
        """Return the connection above `below`, which has just been accepted. Raises `HandshakeError`, having closed it."""
        if len(self._open) >= self._settings.max_handshakes:
            self._evict()
        self._open[below] = below
        begun = trio.current_time()
        below.deadline = begun + self._settings.handshake_timeout_ms / 1e3
        try:
            connection = await self._begin(below)
        except BaseException as error:
            self._open.get(below, below).drop()
            refused = _explain(error) if isinstance(error, Exception) else None
            if refused is None:
                raise
            self._count(below.peer, refused)
            raise refused from error
        finally:
            self._open.pop(below, None)
        self._handshakes.value += 1
        self._resumed.value += connection.resumed
        self._latency.add((trio.current_time() - begun) * 1e3)
        return connection

    async def _begin(self, below: SocketConnection) -> TlsConnection:
        hello, first = await _receive_hello(below)
        server_name = hello.server_name.decode("ascii")
        if (
            hello.protocols
            and self._protocols
            and not {name.decode("latin-1") for name in hello.protocols} & self._protocols
        ):
            below.send_now(NO_PROTOCOL)
            raise HandshakeError(f"it speaks none of {', '.join(sorted(self._protocols))} (ALPN)", "protocol")
        connection = TlsConnection(below, self._certificates.current().choose(server_name))
        self._open[below] = connection
        async with self._turns:
            connection.begin(first)
        await connection.shake_hands()
        connection.tls = peer = connection.describe(server_name)
        if self._settings.require_client_auth:
            wrong = ambiguity(peer.facts)
            if not wrong and self._settings.client_names and not is_one_of(peer.facts, self._settings.client_names):
                wrong = f"its certificate is for {', '.join(all_names(peer.facts)) or 'nobody'}, who may not come here"
            if wrong:
                connection.close()
                raise HandshakeError(wrong, "name")
        return connection

    def _evict(self) -> None:
        longest = next(iter(self._open))
        self._open.pop(longest).abort()

    def _count(self, peer: str, refused: HandshakeError) -> None:
        self._scope.counter("failures").value += 1
        self._scope.counter("failures", refused.cause).value += 1
        now = trio.current_time()
        if refused.cause != "gone" and now >= self._told.get(refused.cause, -TELL_SECONDS) + TELL_SECONDS:
            self._told[refused.cause] = now
            logger.warning(
                "%s: the client %s was refused: %s (others for this cause are only counted for %g s)",
                self._title,
                peer,
                refused,
                TELL_SECONDS,
            )


async def _receive_hello(below: SocketConnection) -> tuple[HelloReader, bytes]:
    """Return what a client says first, and the bytes of it."""
    hello, pieces = HelloReader(), []
    while not hello.is_done:
        pieces.append(await below.receive_some())
        if not pieces[-1]:
            raise trio.BrokenResourceError("it ended before it said anything of use")
        hello.feed(pieces[-1])
    first = b"".join(pieces)
    if not hello.is_tls:
        if first[:4] in METHODS:
            below.send_now(PLAIN_REPLY)
            raise HandshakeError("it speaks plain HTTP to a port with TLS", "plain")
        raise HandshakeError("what it sends is not TLS", "garbage")
    return hello, first


def _explain(error: Exception) -> HandshakeError | None:
    """Return what an error means; None if it is not one of those that clients cause."""
    match error:
        case HandshakeError():
            return error
        case RemoteProtocolError():
            return HandshakeError(str(error), "garbage")
        case trio.TooSlowError():
            return HandshakeError("it did not finish the handshake in time", "timeout")
        case trio.ClosedResourceError():
            return HandshakeError("too many others began a handshake after it", "crowd")
        case ssl.SSLCertVerificationError():
            return HandshakeError(f"its certificate: {reason(error)}", "certificate")
        case ssl.SSLEOFError() | trio.BrokenResourceError():
            return HandshakeError("it went away during the handshake", "gone")
        case ssl.SSLError():
            return HandshakeError(f"no agreement about TLS: {reason(error)}", _cause(error))
        case UnusableFilesError():
            return HandshakeError(str(error), "files")
        case _:
            return None


def _cause(error: ssl.SSLError) -> str:
    """Return one word for why a handshake failed; few, so that clients cannot invent metrics."""
    text = error.reason or ""
    if "ALERT" in text:
        return "alert"
    if "CERTIFICATE" in text:
        return "certificate"
    if "CIPHER" in text or "PROTOCOL" in text or "VERSION" in text or "SIGNATURE" in text:
        return "agreement"
    return "garbage"
