"""What a stack file says, as values. A field is a key in camelCase; its unit is part of its name.

The classes are the schema: `mesh.config` reads a file into them, describes them as a JSON schema and writes them back for
`/config.json`. Source: linkerd 1.x, its configuration reference and the `*Config` classes of linkerd/core.
"""

from mesh.settings.balancing import BalancerSettings, LocalitySettings, SlowStartSettings
from mesh.settings.connections import Address, HostConnectionPool, Limits, Session, SocketOptions
from mesh.settings.kinds import FilterEntry, FilterLists, InterpreterSettings, NamerSettings, TransformerSettings
from mesh.settings.prefixes import Entry, Given, PerPrefix
from mesh.settings.repeats import Backoff, Retries, RetryBudget
from mesh.settings.router import BindingCache, ClientSettings, RouterSettings, ServerSettings, ServiceSettings
from mesh.settings.stackfile import AdminSecurity, AdminSettings, StackFile, Usage
from mesh.settings.tls import ClientAuth, ServerCertificate, TlsClient, TlsServer

__all__ = [
    "Address",
    "AdminSecurity",
    "AdminSettings",
    "Backoff",
    "BalancerSettings",
    "BindingCache",
    "ClientAuth",
    "ClientSettings",
    "Entry",
    "FilterEntry",
    "FilterLists",
    "Given",
    "HostConnectionPool",
    "InterpreterSettings",
    "Limits",
    "LocalitySettings",
    "NamerSettings",
    "PerPrefix",
    "Retries",
    "RetryBudget",
    "RouterSettings",
    "ServerCertificate",
    "ServerSettings",
    "ServiceSettings",
    "Session",
    "SlowStartSettings",
    "SocketOptions",
    "StackFile",
    "TlsClient",
    "TlsServer",
    "TransformerSettings",
    "Usage",
]
