"""The port of a ThriftMux server, which takes clients of plain Thrift too: the first bytes of a connection tell which it is.

Such a client's messages are framed or not, with TTwitter's headers if it asks for them; it is served by the codec of Thrift,
in front of the service that the others have.
Source: finagle-thriftmux, pushsession/MuxDowngradingNegotiator.scala, which knows those in frames.
"""

from mesh import Connection, Metrics, Serve, Switch
from mesh_plugins.connections.arriving import Arriving
from mesh_plugins.mux.protocol import serve_connection
from mesh_plugins.mux.serving import Serving
from mesh_plugins.thrift.delegations import Delegations
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding, encoding_of
from mesh_plugins.thrift.server import ThriftConnection
from mesh_plugins.thrift.serving import Serving as ThriftServing
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, ONEWAY
from mesh_plugins.thriftmux.carrying import Carrying

ENOUGH = 8  # bytes: size, type and tag of a frame of Mux, or version and kind of a message of Thrift
ENOUGH_WITHOUT_FRAME = 4
NEGATIVE = b"\x80"  # what a size begins with that is none
STRICT = b"\x80\x01\x00"
OLD = 0
"""The first byte of a message without a version, in the place of a type that Mux does not have."""


def plain_speech(data: bytes) -> tuple[Encoding, bool] | None:
    """Return what a client speaks whose first bytes are a message of Thrift, and whether in frames; None: it speaks Mux.

    Of a strict message of the binary protocol in a frame, Mux would make an `Rerr` with an odd tag, which no client begins
    with; of one without a frame, or a compact one, a frame of a negative size.
    """
    if not _is_clear(data):
        return None
    if data[:1] >= NEGATIVE:
        return _encoding(data, 0, False)
    return (BINARY, True) if data[4] == OLD else _encoding(data, 4, True)


def _encoding(data: bytes, start: int, is_framed: bool) -> tuple[Encoding, bool] | None:
    if data.startswith(STRICT, start) and data[start + 3] in (CALL, ONEWAY):
        return BINARY, is_framed
    return (COMPACT, is_framed) if encoding_of(data, start) is COMPACT else None


def serve(how: Serving, scope: Metrics) -> Serve:
    """Return what serves the connections of one listener, each in what its client speaks."""
    counts = scope.scope("thriftmux")
    connects, downgraded = counts.counter("connects"), counts.counter("downgraded_connects")
    limits, bounds, delegations = how.limits, Bounds.of(how.limits), Delegations()
    plain = {
        (encoding, is_framed): ThriftServing(encoding, is_framed, limits, bounds, how.allow_half_close, how.ages)
        for encoding in (BINARY, COMPACT)
        for is_framed in (True, False)
    }

    async def run(connection: Connection, switch: Switch) -> None:
        arriving = Arriving(connection, switch, limits.idle_timeout_s, limits.header_deadline_s)
        first = await arriving.first_bytes(_is_clear)
        if not first:
            how.ages.idle.value += arriving.is_idle
            return
        speech = plain_speech(first)
        if speech is None:
            connects.value += 1
            await serve_connection(connection, switch, how, first)
        else:
            downgraded.value += 1
            around = Carrying(switch, delegations, bounds, is_framed=speech[1])
            await ThriftConnection(connection, switch, plain[speech], around).run(first)

    return run


def _is_clear(data: bytes) -> bool:
    return len(data) >= (ENOUGH_WITHOUT_FRAME if data[:1] >= NEGATIVE else ENOUGH)
