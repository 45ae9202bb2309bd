"""The keys that ThriftMux adds to a stack file. Source: linkerd 1.x, linkerd/protocol/thriftmux, ThriftMuxInitializer.scala."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import attrs

from mesh import key
from mesh_plugins.access_log.keys import AccessLogKeys
from mesh_plugins.mux.keys import MuxClientKeys, ping_period_key, ping_timeout_key
from mesh_plugins.thrift.keys import ThriftClientKeys


@attrs.frozen(kw_only=True)
class ThriftMuxRouterKeys(AccessLogKeys):
    """What a router says of ThriftMux."""

    thrift_method_in_dst: bool = key("The method is the last segment of a call's name.", False)
    thrift_protocol: Literal["binary", "compact"] = key(
        "How endpoints of plain Thrift encode messages, unless the client says it itself; those in Mux tell themselves.",
        "binary",
    )


@attrs.frozen(kw_only=True)
class ThriftMuxServerKeys:
    """What a server says of ThriftMux."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4144}

    thrift_framed: bool | None = key(
        "Accepted so that linkerd's files load, and changes nothing: Mux has frames of its own.", None
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        if self.thrift_framed is not None:
            yield "thrift_framed", "has no effect: calls come inside Mux, which has frames of its own"


@attrs.frozen(kw_only=True)
class ThriftMuxClientKeys:
    """What a client says of ThriftMux: the keys of Thrift are for endpoints of plain Thrift, those of Mux for the others."""

    protocol: Literal["thriftmux", "thrift"] | None = key(
        "What endpoints speak: Thrift inside Mux, or plain Thrift as in linkerd. By default `thriftmux`, but `thrift` for "
        "clients with keys of Thrift, such as `thriftFramed`, so that linkerd's files mean the same.",
        None,
    )
    thrift_framed: bool | None = key(
        "To endpoints of plain Thrift: messages are framed, as by default; else they are buffered.", None
    )
    thrift_protocol: Literal["binary", "oldBinary", "compact"] | None = key(
        "To endpoints of plain Thrift: how messages are encoded; by default as the router says. `oldBinary` has no version.",
        None,
    )
    attempt_ttwitter_upgrade: bool | None = key(
        "Ask endpoints of plain Thrift whether they speak TTwitter, once per connection; those that do are told the trace, the "
        "client, the deadline and the dtab. By default not.",
        None,
        name="attemptTTwitterUpgrade",
    )
    thrift_calls_per_connection: int | None = key(
        "To endpoints of plain Thrift: how many calls a connection carries at a time, as with `thrift`; by default 1.",
        None,
        least=1,
        most=65536,
    )
    ping_period_ms: int | None = ping_period_key()
    ping_timeout_ms: int = ping_timeout_key()

    @property
    def mux(self) -> MuxClientKeys:
        """What it says of Mux."""
        return MuxClientKeys(ping_period_ms=self.ping_period_ms, ping_timeout_ms=self.ping_timeout_ms)

    @property
    def plain(self) -> ThriftClientKeys | None:
        """What it says of plain Thrift; None if endpoints speak ThriftMux."""
        if self.protocol == "thriftmux" or (self.protocol is None and not self._of_thrift()):
            return None
        return ThriftClientKeys(
            thrift_framed=self.thrift_framed is not False,
            thrift_protocol=self.thrift_protocol,
            attempt_ttwitter_upgrade=self.attempt_ttwitter_upgrade is True,
            thrift_calls_per_connection=self.thrift_calls_per_connection or 1,
        )

    def _of_thrift(self) -> list[str]:
        """Return the keys that are given and mean something to plain Thrift alone."""
        names = ("thrift_framed", "thrift_protocol", "attempt_ttwitter_upgrade", "thrift_calls_per_connection")
        return [name for name in names if getattr(self, name) is not None]

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted, but hardly meant."""
        plain = self.plain
        if plain is None:
            for name in self._of_thrift():
                yield name, "has no effect: endpoints speak ThriftMux, as `protocol` says; expected `protocol: thrift`"
        else:
            yield from plain.config_warnings()
