"""The client side of TLS: connections to endpoints that prove who they are before anything is sent to them."""

import math
import ssl
import time
import weakref

import trio

from mesh.certificate import Certificate
from mesh.connecting import Connector
from mesh.endpoint import Endpoint
from mesh.errors import ConnectFailed
from mesh.settings.tls import TlsClient
from mesh.tls.connection import TlsConnection, reason
from mesh.tls.contexts import ClientContext, client_context, client_files
from mesh.tls.names import is_for_host, is_one_of, shown
from mesh.tls.reloading import Reloading, UnusableFilesError
from mesh.transport import Connection, SocketConnection

Ways = weakref.WeakValueDictionary[object, Reloading[ClientContext]]


class TlsContexts:
    """The contexts of all clients of a router: shared by those whose settings differ in names alone.

    To read the system's roots takes 10 ms and more, which not every client stack shall pay. State: those in use.
    """

    def __init__(self, protocols: tuple[str, ...] = ()) -> None:
        """`protocols` are offered to endpoints (ALPN)."""
        self._protocols = protocols
        self._ways: Ways = weakref.WeakValueDictionary()

    def get(self, tls: TlsClient, protocols: tuple[str, ...] | None = None) -> Reloading[ClientContext]:
        """Return what makes the context for `tls`, from files that are read when it is first asked.

        `protocols` are offered in the place of those of all clients.
        """
        offered = self._protocols if protocols is None else protocols
        way = (
            offered,
            tls.disable_validation,
            tls.trust_certs,
            tls.trust_certs_bundle,
            tls.client_auth,
            tls.ciphers,
            tls.protocols,
        )
        found = self._ways.get(way)
        if found is None:
            shows = "" if tls.client_auth is None else f" that show {tls.client_auth.cert_path}"
            found = Reloading(
                f"TLS of clients{shows}",
                client_files(tls),
                lambda contents: client_context(tls, contents, offered),
            )
            self._ways[way] = found
        return found

    def seconds_to_expiry(self) -> float:
        """Return when the first of the certificates that are shown to endpoints expires; 0 if none is in use."""
        ends = [way.value.end for way in list(self._ways.values()) if way.value is not None]
        return min((end - time.time() for end in ends if end), default=0.0)


class TlsConnector:
    """A connector that speaks TLS over what `connect` opens."""

    def __init__(self, tls: TlsClient, connect: Connector, contexts: Reloading[ClientContext]) -> None:
        self._tls = tls
        self._connect = connect
        self._contexts = contexts
        self._server_name = _sent_name(tls.common_name or "")

    async def __call__(self, endpoint: Endpoint) -> Connection:
        """Connect, and shake hands. Raises `ConnectFailed` that says who was expected and who is there."""
        self._context(endpoint)  # rather not connect without
        return await self.secure(await self._connect(endpoint))

    def _context(self, whom: object) -> ssl.SSLContext:
        try:
            return self._contexts.current().context
        except UnusableFilesError as error:
            raise ConnectFailed(f"cannot connect to {whom} with TLS: {error}") from error

    async def secure(self, below: Connection) -> Connection:
        """Return the connection that speaks TLS over `below`. Raises `ConnectFailed`, having closed it."""
        endpoint = below.peer
        if not isinstance(below, SocketConnection):
            below.close()
            raise ConnectFailed(f"cannot connect to {endpoint} with TLS: it is not reached over a socket")
        try:
            context = self._context(endpoint)
        except ConnectFailed:
            below.close()
            raise
        seconds = self._tls.handshake_timeout_ms / 1e3
        below.deadline = trio.current_time() + seconds
        taken = below
        try:
            taken = connection = TlsConnection(below, context, server_name=self._server_name)
            await connection.shake_hands()
            connection.tls = peer = connection.describe(self._server_name)
            wrong = "" if self._tls.disable_validation else self._objection(peer.facts)
        except BaseException as error:
            taken.drop()
            wrong = self._explained(error, seconds)
            if not wrong:
                raise
            raise ConnectFailed(f"cannot connect to {endpoint} with TLS: {wrong}") from error
        if wrong:
            connection.close()
            raise ConnectFailed(f"cannot connect to {endpoint} with TLS: {wrong}")
        connection.deadline = math.inf
        return connection

    @property
    def _expected(self) -> str:
        return " or ".join(self._tls.server_names) or self._tls.common_name or "anybody"

    def _objection(self, certificate: Certificate) -> str:
        """Return what is wrong with a certificate whose signatures are good; empty if nothing is."""
        names = self._tls.server_names
        is_expected = is_one_of(certificate, names) if names else is_for_host(certificate, self._tls.common_name or "")
        return "" if is_expected else f"expected {self._expected}, but its certificate is for {shown(certificate)}"

    def _explained(self, error: BaseException, seconds: float) -> str:
        """Return what an error during the handshake means; empty if it is none of ours."""
        match error:
            case ssl.SSLCertVerificationError():
                return f"expected {self._expected}, but its certificate cannot be trusted: {reason(error)}"
            case ssl.SSLEOFError() | trio.BrokenResourceError():
                return "it closed the connection during the handshake"
            case ssl.SSLError():
                return reason(error)
            case ValueError():  # also what a name raises that cannot be sent
                return f"{self._server_name!r} cannot be asked for: {error}"
            case trio.TooSlowError():
                return f"no handshake within {seconds:g} s"
            case _:
                return ""


def _sent_name(name: str) -> str:
    """Return the name to ask for (SNI): none if it is a pattern or an address. Source: RFC 6066 section 3."""
    is_address = ":" in name or name.replace(".", "").isdigit()
    return "" if "*" in name or is_address else name.removesuffix(".")
