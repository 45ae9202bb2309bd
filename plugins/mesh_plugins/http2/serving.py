"""How one listener serves HTTP/2, and what it shows of it."""

import math

import attrs

from mesh import Metrics
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http2.options import Options


@attrs.frozen
class Pings:
    """When the other side is asked whether it is there: after so many seconds without a byte from it, infinity for never.

    It is gone if nothing came for `patience` more.
    """

    every: float = math.inf
    patience: float = 10.0


class StreamCounts:
    """What the streams of a listener or a client have done. `open` counts those that are, resets are told by their maker."""

    __slots__ = ("local_resets", "open", "remote_resets")

    def __init__(self, scope: Metrics) -> None:
        """Show the counts in `scope`, under the names that linkerd has for them."""
        streams = scope.scope("stream")
        self.open = 0
        self.local_resets = streams.scope("local").counter("reset")
        self.remote_resets = streams.scope("remote").counter("reset")
        streams.gauge("open_streams", fn=lambda: self.open)


@attrs.frozen(eq=False)
class Http2Serving:
    """How one listener serves: what it has in common with HTTP/1.1, and what HTTP/2 has besides."""

    common: Serving = attrs.field(factory=Serving)
    options: Options = attrs.field(factory=Options)
    pings: Pings = attrs.field(factory=Pings)
    counts: StreamCounts = attrs.field(factory=lambda: StreamCounts(Metrics()))
