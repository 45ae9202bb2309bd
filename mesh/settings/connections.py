"""Addresses, sockets, pools, ages and sizes: what a stack file says of connections and of what is read from them."""

import ipaddress
import re
import socket
from typing import Self

import attrs

from mesh.keys import key

_SHORT_IPV4 = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){1,2}", re.ASCII)
"""The short forms that linkerd's files have, such as `127.1`; numbers that begin with 0 might be meant as octal."""

UNBOUNDED = 2**31 - 1
"""linkerd's "no limit" where a number is expected."""


class Address(str):
    """An IP address to bind, IPv4 or IPv6; `localhost` is the IPv4 loopback address, as is `127.1`."""

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Raise `ValueError` if `text` is no address."""
        if text == "localhost":
            return cls("127.0.0.1")
        try:
            if _SHORT_IPV4.fullmatch(text):
                return cls(socket.inet_ntoa(socket.inet_aton(text)))
            return cls(ipaddress.ip_address(text))
        except (OSError, ValueError):
            raise ValueError(f"{text} is not an IP address, such as 0.0.0.0 (every IPv4 interface)") from None


FAMILIES = ("h2_", "mux_", "thrift_")
"""How limits begin that are for some protocols alone."""
LOOPBACK = Address("127.0.0.1")


@attrs.frozen(kw_only=True)
class SocketOptions:
    """How sockets are set up."""

    no_delay: bool = key("Small packets are sent at once (`TCP_NODELAY`).", True)
    reuse_addr: bool = key("A port may be bound again at once after a restart (`SO_REUSEADDR`).", True)
    reuse_port: bool = key("Several processes may bind one port (`SO_REUSEPORT`).", False)
    read_timeout_ms: int | None = key("Longest wait for bytes, in ms; `limits` alone by default.", None, least=1)
    write_timeout_ms: int | None = key("Longest wait to write, in ms; `limits` alone by default.", None, least=1)
    keep_alive: bool = key("The system probes idle connections (`SO_KEEPALIVE`).", False)
    backlog: int | None = key("Connections that may wait to be accepted; the system's default.", None, least=1)


@attrs.frozen(kw_only=True)
class HostConnectionPool:
    """How many connections are kept to each endpoint. Raises `ValueError` if the least is more than the most."""

    min_size: int = key("Connections that are kept even when idle.", 0, least=0)
    max_size: int = key("Most connections to one endpoint; unlimited by default.", UNBOUNDED, least=1)
    idle_time_ms: int | None = key("Idle connections above `minSize` are closed after this, in ms.", None, least=1)
    max_waiters: int = key("Most requests that wait for a connection; unlimited by default.", UNBOUNDED, least=0)

    def __attrs_post_init__(self) -> None:
        if self.min_size > self.max_size:
            raise ValueError(f"`minSize` ({self.min_size}) must not be above `maxSize` ({self.max_size})")


@attrs.frozen(kw_only=True)
class CircuitBreakers:
    """How much a client, all its endpoints together, takes on at a time; what is more is refused at once."""

    max_connections: int | None = key("Connections; unlimited by default.", None, least=1)
    max_pending_requests: int | None = key("Requests that wait for a connection; unlimited by default.", None, least=1)
    max_requests: int | None = key("Attempts in progress, repeats included; unlimited by default.", None, least=1)
    max_retries: int | None = key("Repeats in progress; unlimited by default.", None, least=0)


@attrs.frozen(kw_only=True)
class Session:
    """How old connections may become."""

    idle_time_ms: int | None = key("A connection idle for so long is closed, in ms; never by default.", None, least=1)
    life_time_ms: int | None = key("A connection is closed at this age, in ms; never by default.", None, least=1)


@attrs.frozen(kw_only=True)
class ClientResets:
    """How often a client may reset streams before its connection is ended."""

    count: int = key("Resets", 100, least=1)
    per_s: float = key("within so many seconds.", 30.0, name="per_s", least=0)


SHORTEST = 0.001  # seconds: 0, which elsewhere means no limit, would give no client the time to say anything


def _limit(doc: str, default: float | None, name: str, *, built: bool = True, least: float = 0) -> int:
    """Return the field of one limit; the names are spelled here as the file spells them, not in camelCase."""
    field: int = key(doc, default, name=name, built=built, least=least)
    return field


@attrs.frozen(kw_only=True)
class Limits:
    """How much of a message, a connection or a table is read before it is refused."""

    max_request_line_bytes: int = _limit("Longest request line.", 8192, "max_request_line_bytes", least=16)
    max_header_section_bytes: int = _limit("All fields of one message.", 61440, "max_header_section_bytes", least=16)
    max_header_fields: int = _limit("Fields of one message.", 100, "max_header_fields", least=1)
    max_chunk_line_bytes: int = _limit("A chunk's size with its extensions.", 4096, "max_chunk_line_bytes", least=1)
    max_trailer_bytes: int = _limit("All trailers of one message.", 8192, "max_trailer_bytes")
    header_deadline_s: float = _limit(
        "Longest time for a request's head, in seconds.", 10.0, "header_deadline_s", least=SHORTEST
    )
    idle_timeout_s: float = _limit(
        "Longest idle time between messages, in seconds.", 3600.0, "idle_timeout_s", least=SHORTEST
    )
    stream_idle_timeout_s: float = _limit(
        "Longest time without progress inside a message, in seconds.", 300.0, "stream_idle_timeout_s", least=SHORTEST
    )
    max_leading_empty_lines: int = _limit("Empty lines before a request line.", 8, "max_leading_empty_lines")
    max_1xx_responses: int = _limit("Interim replies before the final one.", 20, "max_1xx_responses")
    h2_max_concurrent_streams: int | None = _limit(
        "Open streams of one connection; by profile: mesh 1024, edge 100.",
        None,
        "h2_max_concurrent_streams",
        least=1,
    )
    h2_initial_stream_window: int = _limit("Window of a stream, bytes.", 65536, "h2_initial_stream_window", least=1)
    h2_initial_connection_window: int = _limit(
        "Window of a connection, bytes.", 1048576, "h2_initial_connection_window", least=65535
    )
    h2_max_header_list_bytes: int = _limit("A header list.", 61440, "h2_max_header_list_bytes", least=16)
    h2_max_continuation_frames: int = _limit("Of one header block.", 64, "h2_max_continuation_frames")
    h2_max_empty_frames: int = _limit("In a row.", 1, "h2_max_empty_frames")
    h2_max_client_resets: ClientResets = key(
        "Streams that a client may reset unanswered; more end the connection if they are most of its streams.",
        factory=ClientResets,
        name="h2_max_client_resets",
    )
    h2_max_outbound_control_frames: int = _limit(
        "Control frames that wait to be sent.", 1000, "h2_max_outbound_control_frames"
    )
    h2_max_outbound_frames: int = _limit("Frames that wait to be sent.", 10000, "h2_max_outbound_frames")
    h2_max_priority_frames_per_stream: int = _limit("PRIORITY frames.", 100, "h2_max_priority_frames_per_stream")
    h2_max_window_updates_per_data_frame: int = _limit(
        "WINDOW_UPDATE frames.", 10, "h2_max_window_updates_per_data_frame"
    )
    mux_max_frame_bytes: int = _limit("One frame.", 16777216, "mux_max_frame_bytes", least=1)
    mux_max_open_fragments: int = _limit("Unfinished messages.", 1000, "mux_max_open_fragments", least=1)
    mux_max_pending: int = _limit("Open calls of one connection.", 100000, "mux_max_pending", least=1)
    thrift_max_frame_bytes: int = _limit("One frame.", 16384000, "thrift_max_frame_bytes", least=1)
    thrift_max_depth: int = _limit("Structs and containers inside each other.", 64, "thrift_max_depth", least=1)
    thrift_max_container: int = _limit("Elements of a container.", 1048576, "thrift_max_container", least=1)
    dtab_max_depth: int = _limit("Rewrites of one name.", 100, "dtab_max_depth", built=False)
    dtab_max_nodes: int = _limit("Nodes of one bound tree.", 10000, "dtab_max_nodes", built=False)
    proxy_v1_max_bytes: int = _limit("A line of the PROXY protocol.", 107, "proxy_v1_max_bytes", least=16)
