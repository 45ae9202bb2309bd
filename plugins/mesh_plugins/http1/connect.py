"""CONNECT, where a server offers it: its request line, what its head must not have, and where its tunnel comes from.

The tunnel leads to the endpoint that the request is routed to, over a connection of its own, on which no HTTP was spoken.
Source: RFC 9110 section 9.3.6, RFC 9112 section 3.2.3.
"""

from collections.abc import Awaitable

import attrs

from mesh import SESSION, AnyService, HttpRequest, Make, Module, Params, RemoteProtocolError, Reply
from mesh_plugins.http.switched import connected
from mesh_plugins.http1.fields import read_request_head
from mesh_plugins.http1.grammar import NO_TUNNELS, RequestLine, check_authority, parse_request_line
from mesh_plugins.http1.head import RequestHead
from mesh_plugins.http1.section import SECTIONS
from mesh_plugins.http1.wire import FastServer
from mesh_plugins.tunnels.session import new_tunnel_session
from mesh_plugins.tunnels.tunnel import TUNNELS

START = b"CONNECT "


def parse_connect_line(line: bytes) -> RequestLine:
    """Take the request line of a CONNECT apart; its target is `host:port`, and becomes the `host`."""
    target, _, version = line[len(START) :].partition(b" ")
    usual = parse_request_line(b"OPTIONS * " + version)
    check_authority(target)
    check_connect(target, is_offered=True)
    return RequestLine(b"CONNECT", target, usual.version, b"http", target)


def check_connect(target: bytes, *, is_offered: bool) -> None:
    """Raise `RemoteProtocolError` for a CONNECT that no tunnel can come of; `target` is an authority."""
    if not is_offered:
        raise RemoteProtocolError(NO_TUNNELS, status=501)
    if not target.rpartition(b":")[2].isdigit():
        raise RemoteProtocolError("CONNECT needs a port in its target: host:port")


def tunnel_head(head: RequestHead) -> RequestHead:
    """Return the head of a CONNECT. Raises if it has a body; nothing but the tunnel may come after it."""
    if head.body_size:
        raise RemoteProtocolError("a CONNECT request with a body")
    return attrs.evolve(head, keep_alive=False)


class FastConnectServer(FastServer):
    """A connection with a client that may send CONNECT."""

    __slots__ = ()

    def _make_head(self, line: bytes, section: bytes) -> RequestHead:
        if not line.startswith(START):
            return super()._make_head(line, section)
        return tunnel_head(read_request_head(parse_connect_line(line), SECTIONS[section]))

    def _check_first_line(self, line: bytes) -> None:
        if line.startswith(START):
            parse_connect_line(line)
        else:
            super()._check_first_line(line)


def _tunnels(params: Params, rest: Make) -> AnyService:
    """Wrap what is left of an endpoint stack: twice, so that tunnels have connections of their own."""
    requests = rest(params)
    if not params[TUNNELS]:
        return requests
    tunnels = rest(params.put(SESSION, new_tunnel_session(connected)))

    def choose(request: HttpRequest, /) -> Awaitable[Reply]:
        return tunnels(request) if request.method == b"CONNECT" else requests(request)

    return choose


CONNECT_TUNNELS = Module(
    "tunnels",
    _tunnels,
    above=("pool",),
    below=("balancer",),
    why="a tunnel to an endpoint needs a connection of its own",
    section="endpoint",
)
