"""The way from HTTP/1.1 to HTTP/2 on a connection without TLS: the first request asks for `h2c`, and is stream 1.

It is taken only here, where the connection ends, and never passed on: what came after would pass by every filter.
Source: RFC 7540 section 3.2; RFC 9113 has dropped it, but linkerd takes it, and clients still ask.
"""

import base64
import binascii
import re

import attrs

from mesh import Limits, MeshError
from mesh_plugins.http.upgrades import is_among
from mesh_plugins.http1.wire import FastServer
from mesh_plugins.http2.engine import RequestHead

ASKS = re.compile(rb"\r\nupgrade:[^\r\n]*\bh2c\b", re.IGNORECASE)
_SETTINGS = re.compile(rb"\r\nhttp2-settings:[ \t]*([A-Za-z0-9_-]*)=*[ \t]*(?=\r\n)", re.IGNORECASE)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n"


@attrs.frozen
class Upgrade:
    """A request that asked for HTTP/2: the settings of its client, and what came after it."""

    head: RequestHead
    settings: bytes
    rest: bytes


def read_upgrade(data: bytes, limits: Limits) -> Upgrade | None:
    """Return the upgrade that the first bytes of a connection ask for; None if they do not, or not as they should.

    Such a request, and one with a body, is simply one of HTTP/1.1. Its head must have come as a whole.
    """
    if not ASKS.search(data):
        return None
    engine = FastServer(limits)
    engine.feed(data)
    try:
        head = engine.read_head()
    except MeshError:
        return None
    if head is None or head.body_size or not any(is_among(name, b"h2c") for name in head.upgrade.split(b",")):
        return None
    rest = engine.take_rest()
    told = _SETTINGS.findall(data[: len(data) - len(rest)])
    if len(told) != 1:
        return None
    try:
        settings = base64.b64decode(told[0] + b"=" * (-len(told[0]) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    framed = RequestHead(head.method, head.target, b"http", head.headers, None, True)
    return Upgrade(framed, settings, rest)
