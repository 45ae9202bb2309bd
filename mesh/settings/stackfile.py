"""The stack file as a whole, and what stands in it beside the routers."""

import re
from collections.abc import Iterator

import attrs

from mesh.keys import Category, Chosen, key
from mesh.settings.connections import LOOPBACK, Address, SocketOptions
from mesh.settings.kinds import NamerSettings
from mesh.settings.router import RouterSettings
from mesh.settings.tls import TlsServer


@attrs.frozen(kw_only=True)
class AdminSecurity:
    """Which pages of the admin server are shown. Raises `ValueError` for what is no regular expression."""

    ui_enabled: bool = key("Pages for people.", True)
    control_enabled: bool = key("Pages that change something.", True)
    diagnostics_enabled: bool = key("All other pages.", True)
    path_whitelist: tuple[str, ...] = key("Paths (regular expressions of the whole) shown all the same.", ())
    path_blacklist: tuple[str, ...] = key("Paths (regular expressions of the whole) never shown.", ())

    def __attrs_post_init__(self) -> None:
        for name, patterns in (("pathWhitelist", self.path_whitelist), ("pathBlacklist", self.path_blacklist)):
            for pattern in patterns:
                try:
                    re.compile(pattern)
                except re.error as error:
                    raise ValueError(f"{name}: {pattern} is no regular expression: {error}") from error


@attrs.frozen(kw_only=True)
class AdminSettings:
    """The admin server."""

    ip: Address = key("The address to bind.", LOOPBACK)
    port: int = key("The port; 0 is any free one.", 9990, least=0, most=65535)
    shutdown_grace_ms: int = key("Longest wait for work in progress at the end, in ms.", 10000, least=0)
    socket_options: SocketOptions = key("How its sockets are set up.", factory=SocketOptions)
    http_identifier_port: int | None = key(
        "A further port that answers every request with the names that the HTTP routers have for it.",
        None,
        least=0,
        most=65535,
    )
    tls: TlsServer | None = key("Serve TLS.", None)
    security: AdminSecurity = key("Which pages are shown.", factory=AdminSecurity)
    worker_threads: int | None = key(
        "Without effect: one thread serves everything here. linkerd's default is 2.", None, least=1
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        if self.worker_threads is not None:
            yield "worker_threads", "has no effect: the admin server needs no threads of its own here"
        if self.socket_options.read_timeout_ms or self.socket_options.write_timeout_ms:
            yield "socket_options", "has timeouts without effect: the admin server has its own"


@attrs.frozen(kw_only=True)
class Usage:
    """Usage reports, which linkerd sent home. Accepted so that its files load; nothing is ever sent."""

    org_id: str | None = key("Without effect.", None)
    enabled: bool = key("Without effect: nothing is ever sent.", False)


@attrs.frozen(kw_only=True)
class StackFile:
    """A whole stack file. Later namers are asked first."""

    admin: AdminSettings = key("The admin server.", factory=AdminSettings)
    routers: tuple[RouterSettings, ...] = key("What is routed; at least one.", ())
    namers: tuple[NamerSettings, ...] = key("What knows addresses; later ones are asked first.", ())
    telemetry: tuple[Chosen, ...] = key("Where metrics and traces go.", (), category=Category.TELEMETER)
    usage: Usage = key("Without effect: nothing is ever sent.", factory=Usage)
