"""The keys that HTTP adds to a stack file. Source: linkerd 1.x, linkerd/protocol/http, HttpConfig.scala."""

import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, Literal

import attrs

from mesh import Category, Chosen, key
from mesh_plugins.access_log.formats import LogFormat
from mesh_plugins.access_log.keys import MAX_QUEUED, AccessLogKeys
from mesh_plugins.access_log.rolling import NEVER, RollPolicy
from mesh_plugins.http.upgrades import allowed

KIB = 1024
HttpProtocol = Literal["http/1.1", "h2"]
_FIELD_NAME = re.compile("[A-Za-z0-9-]+")


@attrs.frozen(kw_only=True)
class HttpRouterKeys(AccessLogKeys):
    """What a router says of HTTP. Raises `ValueError` for keys that do not go together."""

    label: str = key("The router's label; read here too so that it can be named.", "http")
    identifier: tuple[Chosen, ...] = key(
        "What names a request; several are asked in order.",
        category=Category.IDENTIFIER,
        default_kind="io.l5d.header.token",
    )
    engine: Literal["fast", "reference"] = key(
        "What reads and writes messages: `fast` is the linker's own, `reference` is h11, and h2 for HTTP/2.", "fast"
    )
    streaming_enabled: bool = key(
        "Pass bodies on as they come. False is accepted so that linkerd's files load, and changes nothing.", True
    )
    stream_after_content_length_kb: int | None = key(
        "Bodies of up to so many KiB are read before the request is handed on, so that it can be sent again; 5 by default.",
        None,
        name="streamAfterContentLengthKB",
        least=0,
    )
    max_headers_kb: int | None = key(
        "All fields of one message, in KiB: `limits.max_header_section_bytes` for servers and clients that do not say it.",
        None,
        name="maxHeadersKB",
        least=1,
    )
    max_initial_line_kb: int | None = key(
        "A request line, in KiB: `limits.max_request_line_bytes` for servers and clients that do not say it.",
        None,
        name="maxInitialLineKB",
        least=1,
    )
    max_err_response_kb: int = key(
        "Where the bodies of the router's own errors are cut off, in KiB.",
        5120,
        name="maxErrResponseKB",
        least=1,
    )
    compression_level: int = key(
        "Compression of replies: 0 is none, 1 to 9 how hard, -1 (linkerd's default; it costs 1 µs) textual types at 6.",
        0,
        least=-1,
        most=9,
    )
    trace_propagator: Chosen = key(
        "How trace ids are carried in fields.", category=Category.PROPAGATOR, default_kind="io.l5d.default"
    )
    access_log: str | None = key(
        "A file that gets a line for each request; `/dev/stdout` works, too.",
        None,
        aliases=("h2AccessLog",),
        name="httpAccessLog",
    )
    access_log_format: LogFormat = key(
        "`linkerd`, `common`, `combined`, `json`, or operators of Envoy's such as `%DURATION%`.",
        LogFormat("linkerd"),
        name="httpAccessLogFormat",
    )
    access_log_roll_policy: RollPolicy = key(
        "When a new file is begun: `never`, `hourly`, `daily`, `weekly(n)` with 1 for Sunday, or a size such as "
        "`3.megabytes`.",
        NEVER,
        aliases=("h2AccessLogRollPolicy",),
        name="httpAccessLogRollPolicy",
    )
    access_log_append: bool = key(
        "Append to a file that exists; else it is begun anew.",
        True,
        aliases=("h2AccessLogAppend",),
        name="httpAccessLogAppend",
    )
    access_log_rotate_count: int = key(
        "How many old files are kept; -1 is all.",
        -1,
        least=-1,
        aliases=("h2AccessLogRotateCount",),
        name="httpAccessLogRotateCount",
    )
    access_log_max_queued: int = key(
        "Requests that may wait to be written; those beyond are not logged, but counted.",
        MAX_QUEUED,
        least=1,
        name="httpAccessLogMaxQueued",
    )

    def __attrs_post_init__(self) -> None:
        if not self.streaming_enabled and self.stream_after_content_length_kb is not None:
            raise ValueError(
                "Conflicting streaming options set. "
                f"Can't disable streaming and set streamAfterContentLengthKB in {self.label}"
            )

    @property
    def limits(self) -> Mapping[str, int]:
        """The limits that linkerd's keys set, by their names under `limits`, in bytes."""
        given = {
            "max_header_section_bytes": self.max_headers_kb,
            "max_request_line_bytes": self.max_initial_line_kb,
        }
        return {name: value * KIB for name, value in given.items() if value is not None}

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        yield from super().config_warnings()
        if not self.streaming_enabled:
            yield "streaming_enabled", "has no effect: messages are streamed all the same"


@attrs.frozen(kw_only=True)
class Http2SideKeys:
    """What servers and clients say of HTTP/2."""

    window_update_ratio: float = key(
        "A window is opened again when what is left of it has fallen to this share; linkerd's default is 0.99.",
        0.5,
        least=0,
        most=1,
    )
    header_table_bytes: int | None = key(
        "The table of fields that the peer may refer to (`SETTINGS_HEADER_TABLE_SIZE`); 4096 by default.", None, least=0
    )
    initial_stream_window_bytes: int | None = key(
        "The window of a stream (`SETTINGS_INITIAL_WINDOW_SIZE`); `limits.h2_initial_stream_window` by default.",
        None,
        least=1,
        most=2**31 - 1,
    )
    max_frame_bytes: int | None = key(
        "The largest frame (`SETTINGS_MAX_FRAME_SIZE`); 16384 by default.", None, least=16384, most=2**24 - 1
    )
    max_header_list_bytes: int | None = key(
        "All fields of one message (`SETTINGS_MAX_HEADER_LIST_SIZE`); `limits.h2_max_header_list_bytes` by default.",
        None,
        least=1,
        aliases=("maxHeaderListByts",),
    )
    ping_interval_ms: int | None = key(
        "After so long without a byte from it, the peer is asked whether it is there, in ms; never by default. Servers of gRPC "
        "call less than five minutes too often.",
        None,
        least=1,
    )
    ping_timeout_ms: int = key("A peer that does not answer for so long is gone, in ms.", 10000, least=1)


@attrs.frozen(kw_only=True)
class ForwardedHeader:
    """What the field `forwarded` says of the two ends of a connection."""

    by: Chosen = key("The server.", category=Category.LABELER, default_kind="requestRandom")
    for_: Chosen = key("The client.", category=Category.LABELER, default_kind="requestRandom")


@attrs.frozen(kw_only=True)
class HttpServerKeys(Http2SideKeys):
    """What a server says of HTTP. Raises `ValueError` for a protocol that nobody may switch to, or what is no field."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4140}

    protocols: tuple[HttpProtocol, ...] = key(
        "What its clients may speak, `http/1.1`, `h2` or both: then TLS (ALPN) or the first bytes of a connection tell.",
        ("http/1.1",),
    )
    max_concurrent_streams_per_connection: int | None = key(
        "Open streams of one connection; one more is refused. `limits.h2_max_concurrent_streams` by default.",
        None,
        least=1,
    )

    max_call_depth: int = key("More hops than this in `via` are refused with 400.", 1000, least=0)
    upgrades: tuple[str, ...] | None = key(
        "Protocols that a client may switch to with `Upgrade`; by profile: mesh `[websocket]`, edge none.", None
    )
    connect: bool = key("Open a tunnel to the endpoint that a CONNECT request is routed to.", False)
    tunnel_idle_time_ms: int = key("A tunnel in which nothing moves for so long is closed, in ms.", 3600000, least=1)
    add_forwarded_header: ForwardedHeader | None = key(
        "Add a `forwarded` field to requests; `{}` does so with random labels.", None
    )
    timestamp_header: str | None = key("A field that gets the time of arrival, in ms since 1970.", None)

    def __attrs_post_init__(self) -> None:
        allowed(self.upgrades or ())
        if not self.protocols:
            raise ValueError("protocols: expected `http/1.1`, `h2` or both")
        if self.timestamp_header is not None and not _FIELD_NAME.fullmatch(self.timestamp_header):
            raise ValueError(f"timestampHeader: {self.timestamp_header!r} is no name of a field")

    def may_switch_to(self, profile: str) -> frozenset[bytes]:
        """Return the protocols that clients of a server with this profile may switch to."""
        if self.upgrades is None:
            return frozenset({b"websocket"} if profile == "mesh" else ())
        return allowed(self.upgrades)


@attrs.frozen(kw_only=True)
class RetryBufferSize:
    """How much linkerd keeps of a call of HTTP/2 so that it can be retried."""

    request_bytes: int | None = key(
        "The largest body, in bytes, that is kept while it is sent, in the place of `retries.bufferBytes`.",
        None,
        least=0,
    )
    response_bytes: int | None = key(
        "Accepted so that linkerd's files load, and changes nothing: of a reply only the first piece is held back.",
        None,
        least=0,
    )

    def config_warnings(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason for each value that is accepted without effect."""
        if self.response_bytes is not None:
            yield "response_bytes", "has no effect: of a reply only the first piece is held back"


@attrs.frozen(kw_only=True)
class HttpServiceKeys:
    """What a service says of HTTP, with what counts as a failure if nobody says so."""

    core_defaults: ClassVar[Mapping[str, object]] = {"response_classifier": "io.l5d.http.nonRetryable5XX"}

    classification_timeout_ms: int = key(
        "How long a reply that could be retried is held back at most, until it is known whether it failed, in ms. Only such "
        "replies are whose head does not tell, as those of gRPC.",
        100,
        least=0,
    )
    retry_buffer_size: RetryBufferSize = key(
        "`requestBytes` of a body are kept for retries, in the place of `retries.bufferBytes`; `responseBytes` has no effect.",
        factory=RetryBufferSize,
    )


@attrs.frozen(kw_only=True)
class HttpClientKeys(Http2SideKeys):
    """What a client says of HTTP."""

    protocol: Literal["http/1.1", "h2", "auto"] = key(
        "What its endpoints speak: `http/1.1`, `h2`, or `auto`, which lets them choose with TLS (ALPN).", "http/1.1"
    )

    forward_client_cert: bool = key("Send the client's certificate on, in `x-forwarded-client-cert`.", False)
    request_authorizers: tuple[Chosen, ...] = key(
        "What decides whether a request may be sent, in order.", (), category=Category.AUTHORIZER, built=False
    )


@attrs.frozen(kw_only=True)
class H2RouterKeys(HttpRouterKeys):
    """What a router of the protocol h2 says of HTTP: the same, under a label of its own."""

    label: str = key("The router's label; read here too so that it can be named.", "h2")


@attrs.frozen(kw_only=True)
class H2ServerKeys(HttpServerKeys):
    """What a server of the protocol h2 says of HTTP: the same, with other defaults."""

    core_defaults: ClassVar[Mapping[str, object]] = {"port": 4142}

    protocols: tuple[HttpProtocol, ...] = key(
        "What its clients may speak, `http/1.1`, `h2` or both: then TLS (ALPN) or the first bytes of a connection tell.",
        ("h2",),
    )


@attrs.frozen(kw_only=True)
class H2ServiceKeys(HttpServiceKeys):
    """What a service of the protocol h2 says of HTTP: the same, with another classifier."""

    core_defaults: ClassVar[Mapping[str, object]] = {"response_classifier": "io.l5d.h2.nonRetryable5XX"}


@attrs.frozen(kw_only=True)
class H2ClientKeys(HttpClientKeys):
    """What a client of the protocol h2 says of HTTP: the same, with other defaults."""

    protocol: Literal["http/1.1", "h2", "auto"] = key(
        "What its endpoints speak: `http/1.1`, `h2`, or `auto`, which lets them choose with TLS (ALPN).", "h2"
    )
