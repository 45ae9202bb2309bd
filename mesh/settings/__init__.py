"""What a stack file says, as values. A field is a key in camelCase; its unit is part of its name.

The classes are the schema: `mesh.config` reads a file into them, describes them as a JSON schema and writes them back for
`/config.json`. Source: linkerd 1.x, its configuration reference and the `*Config` classes of linkerd/core.
"""

from mesh.settings.balancing import BalancerSettings as BalancerSettings
from mesh.settings.balancing import LocalitySettings as LocalitySettings
from mesh.settings.balancing import SlowStartSettings as SlowStartSettings
from mesh.settings.connections import Address as Address
from mesh.settings.connections import HostConnectionPool as HostConnectionPool
from mesh.settings.connections import Limits as Limits
from mesh.settings.connections import Session as Session
from mesh.settings.connections import SocketOptions as SocketOptions
from mesh.settings.kinds import FilterEntry as FilterEntry
from mesh.settings.kinds import FilterLists as FilterLists
from mesh.settings.kinds import InterpreterSettings as InterpreterSettings
from mesh.settings.kinds import NamerSettings as NamerSettings
from mesh.settings.kinds import TransformerSettings as TransformerSettings
from mesh.settings.prefixes import Entry as Entry
from mesh.settings.prefixes import Given as Given
from mesh.settings.prefixes import PerPrefix as PerPrefix
from mesh.settings.repeats import Backoff as Backoff
from mesh.settings.repeats import Retries as Retries
from mesh.settings.repeats import RetryBudget as RetryBudget
from mesh.settings.router import BindingCache as BindingCache
from mesh.settings.router import ClientSettings as ClientSettings
from mesh.settings.router import RouterSettings as RouterSettings
from mesh.settings.router import ServerSettings as ServerSettings
from mesh.settings.router import ServiceSettings as ServiceSettings
from mesh.settings.stackfile import AdminSecurity as AdminSecurity
from mesh.settings.stackfile import AdminSettings as AdminSettings
from mesh.settings.stackfile import StackFile as StackFile
from mesh.settings.stackfile import Usage as Usage
from mesh.settings.tls import ClientAuth as ClientAuth
from mesh.settings.tls import ServerCertificate as ServerCertificate
from mesh.settings.tls import TlsClient as TlsClient
from mesh.settings.tls import TlsServer as TlsServer

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
