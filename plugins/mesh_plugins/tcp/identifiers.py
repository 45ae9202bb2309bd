"""Identifiers of connections: what names one."""

from collections.abc import Callable

import attrs

from mesh import Path, Unidentified
from mesh_plugins.tcp.message import TcpRequest

TcpIdentifier = Callable[[TcpRequest], Path]


@attrs.frozen
class PortConfig:
    """Names a connection by the port of the server it was made to: `/svc/5432`."""


def port(_config: PortConfig, prefix: Path) -> TcpIdentifier:
    """Return the identifier."""
    return lambda request: prefix + Path((b"%d" % request.port,))


@attrs.frozen
class SniConfig:
    """Names a connection by the server name in its TLS, which is passed through unopened: `/svc/web.example.org`."""


def sni(_config: SniConfig, prefix: Path) -> TcpIdentifier:
    """Return the identifier."""

    def identify(request: TcpRequest) -> Path:
        if not request.server_name:
            raise Unidentified("no server name in the TLS" if request.is_tls else "the client does not speak TLS")
        return prefix + Path((request.server_name,))

    return identify
