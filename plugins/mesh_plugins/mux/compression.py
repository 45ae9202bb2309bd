"""How two sides of Mux agree on compression, each direction for itself. No I/O.

A client says in the header `accept-compress` of its `Tinit` what it would send and read, a server chooses and says so in
`compress` of its `Rinit`. Here nothing is compressed: no client offers anything, and what a server chooses must be nothing.
Source: finagle-mux, transport/CompressionNegotiation.scala.
"""

import attrs

from mesh_plugins.mux.wire import CONTROL_TAG, Undecodable

OFF, ACCEPTED, DESIRED = "off", "accepted", "desired"
LEVELS = (OFF, ACCEPTED, DESIRED)
"""What a side says of a direction; anything else is `off`."""


@attrs.frozen
class Setting:
    """What a side says of one direction: how much it wants it compressed, and the formats it knows, the best one first."""

    level: str = OFF
    formats: tuple[str, ...] = ()


@attrs.frozen
class Preferences:
    """What a side says of what it sends, and of what it reads."""

    sent: Setting = Setting()
    read: Setting = Setting()

    def encode(self) -> bytes:
        """Return the value of `accept-compress`."""
        return ";".join(f"{way.level}:{','.join(way.formats)}" for way in (self.sent, self.read)).encode()

    @classmethod
    def decode(cls, value: bytes) -> "Preferences":
        """Return what a value of `accept-compress` says; nothing at all if it makes no sense."""
        ways = _parts(value.decode("utf-8", "replace"), ";")
        return cls(_setting(ways[0]), _setting(ways[1])) if len(ways) == 2 else cls()


@attrs.frozen
class Agreed:
    """The formats of requests and of responses; None where nothing is compressed."""

    request: str | None = None
    response: str | None = None

    def encode(self) -> bytes:
        """Return the value of `compress`."""
        return f"{self.request or ''};{self.response or ''}".encode()

    @classmethod
    def decode(cls, value: bytes) -> "Agreed":
        """Return what a value of `compress` says. Raises `Undecodable`."""
        request, mark, response = value.decode("utf-8", "replace").partition(";")
        if not mark:
            raise Undecodable(f"protocol was encoded in the incorrect format: {request}", CONTROL_TAG)
        return cls(request or None, response or None)


def negotiate(server: Preferences, client: Preferences) -> Agreed:
    """Return what a server chooses for a client."""
    return Agreed(_chosen(server.read, client.sent), _chosen(server.sent, client.read))


def _chosen(server: Setting, client: Setting) -> str | None:
    """Return the first format that both know of the one that wants it; of the server, if both do."""
    if OFF in (server.level, client.level) or DESIRED not in (server.level, client.level):
        return None
    one, other = (server, client) if server.level == DESIRED else (client, server)
    return next((name for name in one.formats if name in other.formats), None)


def _setting(text: str) -> Setting:
    parts = _parts(text, ":")
    if not 0 < len(parts) <= 2:
        return Setting()
    level = parts[0] if parts[0] in LEVELS else OFF
    return Setting(level, tuple(_parts(parts[1], ",")) if len(parts) == 2 else ())


def _parts(text: str, mark: str) -> list[str]:
    """Return what stands between the marks, as Java does: without what is empty at the end."""
    parts = text.split(mark)
    while parts and not parts[-1]:
        parts.pop()
    return parts
