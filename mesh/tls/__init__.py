"""TLS: connections, whom they lead to, and the certificates that change while they are used."""

from mesh.tls.client import TlsConnector as TlsConnector
from mesh.tls.client import TlsContexts as TlsContexts
from mesh.tls.connection import TlsConnection as TlsConnection
from mesh.tls.hello import HelloReader as HelloReader
from mesh.tls.reloading import UnusableFilesError as UnusableFilesError
from mesh.tls.server import TlsAcceptor as TlsAcceptor

__all__ = [
    "HelloReader",
    "TlsAcceptor",
    "TlsConnection",
    "TlsConnector",
    "TlsContexts",
    "UnusableFilesError",
]
