"""The keys that Thrift adds to a stack file. Source: linkerd 1.x, linkerd/protocol/thrift, ThriftInitializer.scala."""

from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import attrs

from mesh import Category, Chosen, key
from mesh_plugins.access_log.keys import AccessLogKeys
from mesh_plugins.thrift.message import BINARY, COMPACT, OLD_BINARY, Encoding

ENCODINGS: Mapping[str, Encoding] = {encoding.name: encoding for encoding in (BINARY, OLD_BINARY, COMPACT)}


@attrs.frozen(kw_only=True)
class ThriftRouterKeys(AccessLogKeys):
    """What a router says of Thrift."""

    label: str = key("The router's label; read here too so that it can be named.", "thrift")
    identifier: tuple[Chosen, ...] = key(
        "What names a call; several are asked in order.", category=Category.IDENTIFIER, default_kind="io.l5d.thrift"
    )
    thrift_method_in_dst: bool = key(
        "The method is the last segment of a call's name, as with `methodInDst` of the identifier.", False
    )
    thrift_protocol: Literal["binary", "compact"] = key(
        "How messages are encoded, by servers and clients that do not say it themselves.", "binary"
    )


@attrs.frozen(kw_only=True)
class ThriftServerKeys:
    """What a server says of Thrift."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4114}

    thrift_framed: bool = key("Messages are framed; else they are buffered: they end where their struct does.", True)
    thrift_protocol: Literal["binary", "compact"] | None = key(
        "How the clients' messages are encoded; by default as the router says. Old binary ones are known from strict ones.",
        None,
    )


@attrs.frozen(kw_only=True)
class ThriftClientKeys:
    """What a client says of Thrift."""

    thrift_framed: bool = key("Messages are framed; else they are buffered.", True)
    thrift_protocol: Literal["binary", "oldBinary", "compact"] | None = key(
        "How the endpoints' messages are encoded; by default as the router says. `oldBinary` has no version.", None
    )
    attempt_ttwitter_upgrade: bool = key(
        "Ask endpoints whether they speak TTwitter, once per connection; those that do are told the trace, the client, the "
        "deadline and the dtab.",
        False,
        name="attemptTTwitterUpgrade",
    )
    thrift_calls_per_connection: int = key(
        "How many calls a connection to an endpoint carries at a time. More than 1 is for endpoints that serve them side by "
        "side and answer in any order; where one serves them in turn, a slow call holds up the others.",
        1,
        least=1,
        most=65536,
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted, but hardly meant."""
        if self.attempt_ttwitter_upgrade and not self.thrift_framed:
            yield (
                "attempt_ttwitter_upgrade",
                "without frames, Finagle's servers agree to the upgrade and then cannot read what follows",
            )
