"""Which version of HTTP a connection speaks: chosen by TLS, told by its first bytes, or said in the stack file."""

import math
from collections.abc import Sequence

import attrs

from mesh import (
    OTHER,
    POOL_LIMITS,
    SESSION,
    ClientSettings,
    Connection,
    Life,
    Limits,
    Metrics,
    NewSession,
    Params,
    Serve,
    ServerSettings,
    Session,
    Switch,
)
from mesh_plugins.http.arriving import first_bytes
from mesh_plugins.http.keys import Http2SideKeys, HttpProtocol, HttpServerKeys
from mesh_plugins.http1 import protocol as http1
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http2 import protocol as http2
from mesh_plugins.http2.options import MOST_GROWN, Options
from mesh_plugins.http2.serving import Http2Serving, Pings, StreamCounts
from mesh_plugins.http2.session import UNTOLD, Http2Calling
from mesh_plugins.http2.upgrade import read_upgrade
from mesh_plugins.scopes import client_scope, server_scope

MESH_STREAMS = 1024  # of one connection; Envoy's default
EDGE_STREAMS = 100  # for untrusted clients: what RFC 9113 section 6.5.2 calls the least to allow
NAMES = {"http/1.1": ("http/1.1", "http/1.0"), "h2": ("h2",)}
"""What versions are called when TLS chooses one."""


def alpn_of_server(listener: ServerSettings) -> tuple[str, ...]:
    """Return what a server is ready to speak, the preferred name first."""
    return _names(listener.extra.protocols)


def offered(client: ClientSettings) -> tuple[str, ...]:
    """Return what a client offers to speak, the preferred name first."""
    chosen = client.extra.protocol
    return _names(("h2", "http/1.1") if chosen == "auto" else (chosen,))


def _names(protocols: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for protocol in ("h2", "http/1.1") if protocol in protocols for name in NAMES[protocol])


def options_of(keys: Http2SideKeys, limits: Limits, most_streams: int) -> Options:
    """Return how the engines of one side are set up; the keys of linkerd come before the limits that they stand for."""
    if keys.max_header_list_bytes is not None:
        limits = attrs.evolve(limits, h2_max_header_list_bytes=keys.max_header_list_bytes)
    usual = Options()
    return Options(
        stream_window=keys.initial_stream_window_bytes or limits.h2_initial_stream_window,
        connection_window=limits.h2_initial_connection_window,
        update_ratio=keys.window_update_ratio,
        header_table_bytes=usual.header_table_bytes if keys.header_table_bytes is None else keys.header_table_bytes,
        max_frame_bytes=keys.max_frame_bytes or usual.max_frame_bytes,
        max_streams=most_streams,
        limits=limits,
    )


def shared(options: Options, streams: int) -> Options:
    """Let the windows of so many streams fit into the connection's, which calls of many clients share.

    Otherwise one client that reads nothing of its replies would stop those of all others.
    """
    windows = math.ceil((streams * options.stream_window + MOST_GROWN) / options.connection_window)
    return attrs.evolve(options, unread_windows=max(options.unread_windows, windows + 1))


def pings_of(keys: Http2SideKeys) -> Pings:
    """Return when one side asks whether the other is there."""
    every = math.inf if keys.ping_interval_ms is None else keys.ping_interval_ms / 1e3
    return Pings(every, keys.ping_timeout_ms / 1e3)


def http2_serving(serving: Serving, listener: ServerSettings, below: Params) -> Http2Serving | None:
    """Return how a listener serves HTTP/2; None if it does not."""
    keys: HttpServerKeys = listener.extra
    if "h2" not in keys.protocols:
        return None
    most = keys.max_concurrent_streams_per_connection or serving.limits.h2_max_concurrent_streams
    if most is None:
        most = EDGE_STREAMS if listener.profile == "edge" else MESH_STREAMS
    counts = StreamCounts(server_scope(below))
    return Http2Serving(serving, options_of(keys, serving.limits, most), pings_of(keys), counts)


def serve_any(protocols: Sequence[HttpProtocol], plain: Serving, framed: Http2Serving | None, engine: str) -> Serve:
    """Return what serves the connections of one listener, in the versions that it speaks."""
    reference = engine == "reference"
    if framed is None:
        return http1.serve(plain, reference=reference)
    serve_http2 = http2.serve(framed, reference=reference)
    serve_http1 = http1.serve_after(plain, reference=reference) if "http/1.1" in protocols else None

    async def run(connection: Connection, switch: Switch) -> None:
        if connection.protocol == "h2":
            await serve_http2(connection, switch, b"", None)
            return
        if connection.protocol and serve_http1 is not None:
            await serve_http1(connection, switch, b"")
            return
        arrived = await first_bytes(connection, switch, plain.limits.header_deadline_s)
        upgrade = None if arrived.is_http2 or connection.tls is not None else read_upgrade(arrived.data, plain.limits)
        if upgrade is not None:
            await serve_http2(connection, switch, upgrade.rest, upgrade)
        elif arrived.data and (arrived.is_http2 or serve_http1 is None):
            await serve_http2(connection, switch, arrived.data, None)
        elif arrived.data and serve_http1 is not None:
            await serve_http1(connection, switch, arrived.data)

    return run


def calling(below: Params, client: ClientSettings, limits: Limits, engine: str) -> Params:
    """Return params with what makes the sessions of a client, and what its pools expect of them."""
    reference, chosen = engine == "reference", client.extra.protocol
    plain = http1.new_session(limits, reference=reference)
    if chosen == "http/1.1":
        return below.put(SESSION, plain)
    most = limits.h2_max_concurrent_streams or MESH_STREAMS
    options = shared(options_of(client.extra, limits, most), most)
    scope = client_scope(below)
    counts = StreamCounts(Metrics() if scope.name == OTHER else scope)
    framed = http2.new_session(Http2Calling(limits, options, pings_of(client.extra), counts, most), reference=reference)
    below = below.put(POOL_LIMITS, attrs.evolve(below[POOL_LIMITS], calls_per_session=min(most, UNTOLD)))
    return below.put(SESSION, _either(plain, framed) if chosen == "auto" else framed)


def _either(plain: NewSession, framed: NewSession) -> NewSession:
    """Return what makes sessions that speak what TLS chose; without TLS, HTTP/1.1."""

    def make(connection: Connection, life: Life) -> Session:
        return framed(connection, life) if connection.protocol == "h2" else plain(connection, life)

    return make
