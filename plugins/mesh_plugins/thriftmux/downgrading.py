"""The port of a ThriftMux server, which takes clients of plain Thrift too: the first bytes of a connection tell which it is.

Such a client's messages are framed, with TTwitter's headers if it asks for them; it is served by the codec of Thrift, in
front of the service that the others have. Source: finagle-thriftmux, pushsession/MuxDowngradingNegotiator.scala.
"""

from mesh import Connection, Metrics, Serve, Switch
from mesh_plugins.arriving import Arriving
from mesh_plugins.mux.protocol import serve_connection
from mesh_plugins.mux.serving import Serving
from mesh_plugins.thrift.delegations import Delegations
from mesh_plugins.thrift.message import BINARY, COMPACT, Encoding, encoding_of
from mesh_plugins.thrift.server import ThriftConnection
from mesh_plugins.thrift.serving import Serving as ThriftServing
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALL, ONEWAY
from mesh_plugins.thriftmux.carrying import Carrying

ENOUGH = (
    8  # bytes: a size, and the type and the tag of a frame of Mux, or the version and the kind of a message of Thrift
)
STRICT = b"\x80\x01\x00"
OLD = 0
"""The first byte of a message without a version, in the place of a type that Mux does not have."""


def plain_encoding(data: bytes) -> Encoding | None:
    """Return the encoding of a client whose first bytes are a message of Thrift in a frame; None: it speaks Mux.

    Of a strict message of the binary protocol, Mux would make an `Rerr` with an odd tag, which no client begins with.
    """
    if len(data) < ENOUGH:
        return None
    if data[4] == OLD or (data.startswith(STRICT, 4) and data[7] in (CALL, ONEWAY)):
        return BINARY
    return COMPACT if encoding_of(data, 4) is COMPACT else None


def serve(how: Serving, scope: Metrics) -> Serve:
    """Return what serves the connections of one listener, each in what its client speaks."""
    counts = scope.scope("thriftmux")
    connects, downgraded = counts.counter("connects"), counts.counter("downgraded_connects")
    limits, bounds, delegations = how.limits, Bounds.of(how.limits), Delegations()
    plain = {
        encoding: ThriftServing(encoding, True, limits, bounds, how.allow_half_close, how.ages)
        for encoding in (BINARY, COMPACT)
    }

    async def run(connection: Connection, switch: Switch) -> None:
        arriving = Arriving(connection, switch, limits.idle_timeout_s, limits.header_deadline_s)
        first = await arriving.first_bytes(_is_clear)
        if not first:
            how.ages.idle.value += arriving.is_idle
            return
        encoding = plain_encoding(first)
        if encoding is None:
            connects.value += 1
            await serve_connection(connection, switch, how, first)
        else:
            downgraded.value += 1
            around = Carrying(switch, delegations, bounds.max_bytes)
            await ThriftConnection(connection, switch, plain[encoding], around).run(first)

    return run


def _is_clear(data: bytes) -> bool:
    return len(data) >= ENOUGH
