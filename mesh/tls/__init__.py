"""TLS: connections, whom they lead to, and the certificates that change while they are used."""

from mesh.tls.client import TlsConnector, TlsContexts
from mesh.tls.connection import TlsConnection
from mesh.tls.hello import HelloReader
from mesh.tls.reloading import UnusableFilesError
from mesh.tls.server import TlsAcceptor

__all__ = [
    "HelloReader",
    "TlsAcceptor",
    "TlsConnection",
    "TlsConnector",
    "TlsContexts",
    "UnusableFilesError",
]
