"""Which version of HTTP is spoken, and what the keys mean to the engines."""

import math
from typing import Any

import pytest
import trio

from mesh import (
    POOL_LIMITS,
    SESSION,
    HttpReply,
    HttpRequest,
    Life,
    Limits,
    Params,
    RouterSettings,
    Switch,
)
from mesh.testing import memory_connections, request
from mesh_plugins.http.keys import HttpServerKeys
from mesh_plugins.http.versions import (
    alpn_of_server,
    calling,
    http2_serving,
    offered,
    options_of,
    pings_of,
    serve_any,
    shared,
)
from mesh_plugins.http1.protocol import new_session as new_http1_session
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.session import Http1Session
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.protocol import new_session as new_http2_session
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.http2.session import Http2Session
from tests.plugins.http2.calling import calling as usual_calling
from tests.proxies import one, settings_of, stacks


def settings(protocol: str = "http", *, server: dict[str, Any] | None = None, **router: Any) -> RouterSettings:
    """Return the settings of a router."""
    text = stacks({**one(1, server=server), "protocol": protocol, **router})
    return settings_of(text).routers[0]


@pytest.mark.parametrize(
    ("protocol", "server", "names"),
    [
        ("http", {}, ("http/1.1", "http/1.0")),
        ("h2", {}, ("h2",)),
        ("http", {"protocols": ["http/1.1", "h2"]}, ("h2", "http/1.1", "http/1.0")),
    ],
)
def test_a_server_says_what_it_speaks(protocol: str, server: dict[str, object], names: tuple[str, ...]) -> None:
    router = settings(protocol, server=server)

    assert alpn_of_server(router.servers[0]) == names


@pytest.mark.parametrize(
    ("protocol", "client", "names"),
    [
        ("http", {}, ("http/1.1", "http/1.0")),
        ("h2", {}, ("h2",)),
        ("h2", {"protocol": "auto"}, ("h2", "http/1.1", "http/1.0")),
        ("h2", {"protocol": "http/1.1"}, ("http/1.1", "http/1.0")),
    ],
)
def test_a_client_offers_what_it_may_speak(protocol: str, client: dict[str, object], names: tuple[str, ...]) -> None:
    router = settings(protocol, client=client)

    assert offered(router.client.default) == names


def test_linkerds_keys_come_before_the_limits() -> None:
    keys = HttpServerKeys(
        initial_stream_window_bytes=1000,
        header_table_bytes=0,
        max_frame_bytes=20000,
        max_header_list_bytes=500,
        window_update_ratio=0.9,
    )

    options = options_of(keys, Limits(), 7)

    assert (options.stream_window, options.header_table_bytes, options.max_frame_bytes) == (1000, 0, 20000)
    assert (options.limits.h2_max_header_list_bytes, options.update_ratio, options.max_streams) == (500, 0.9, 7)


@pytest.mark.parametrize("streams", [1, 100, 1024])
def test_what_calls_share_has_room_for_all_their_windows(streams: int) -> None:
    options = shared(Options(), streams)

    assert (
        options.unread_windows * options.connection_window
        >= streams * options.stream_window + options.connection_window
    )


def test_pings_are_off_by_default() -> None:
    assert pings_of(HttpServerKeys()).every == math.inf
    assert pings_of(HttpServerKeys(ping_interval_ms=1500)).every == 1.5


@pytest.mark.parametrize(
    ("server", "most"),
    [
        ({}, 1024),
        ({"profile": "edge"}, 100),
        ({"limits": {"h2_max_concurrent_streams": 5}}, 5),
        ({"maxConcurrentStreamsPerConnection": 6, "limits": {"h2_max_concurrent_streams": 5}}, 6),
    ],
)
def test_streams_are_limited_by_profile_or_by_key(server: dict[str, object], most: int) -> None:
    listener = settings("h2", server=server).servers[0]

    serving = http2_serving(Serving(listener.limits), listener, Params())

    assert serving is not None
    assert serving.options.max_streams == most


def test_a_server_of_http1_alone_has_no_streams() -> None:
    listener = settings().servers[0]

    assert http2_serving(Serving(), listener, Params()) is None


@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_one_port_serves_both(engine: str) -> None:
    async def answer(asked: HttpRequest) -> HttpReply:
        return HttpReply(200, body=b"%d.%d" % asked.version)

    serve = serve_any(("h2", "http/1.1"), Serving(), Http2Serving(), engine)
    found = []
    for new_session in (new_http1_session(Limits()), new_http2_session(usual_calling())):
        near, far = memory_connections()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(serve, far, Switch(answer))
            life = Life(nursery)
            reply = await new_session(near, life)(request(headers={"host": "a"}))
            found.append(reply.body.buffered)
            await reply.aclose()
            life.close()
            near.close()

    assert found == [b"1.1", b"2.0"]


@pytest.mark.parametrize(
    ("protocol", "kind"), [("http/1.1", Http1Session), ("h2", Http2Session), ("auto", Http1Session)]
)
async def test_a_client_speaks_what_it_was_told(protocol: str, kind: type) -> None:
    client = settings(client={"protocol": protocol}).client.default
    near, _far = memory_connections()
    async with trio.open_nursery() as nursery:
        life = Life(nursery)
        params = calling(Params(), client, client.limits, "fast")
        made = params[SESSION]
        assert made is not None
        session = made(near, life)
        life.close()
        session.close()

    assert type(session) is kind
    assert params[POOL_LIMITS].calls_per_session == (1 if protocol == "http/1.1" else 100)
