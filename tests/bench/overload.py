"""A proxy offered twice what it can serve: how much good work it still does, and how fast it refuses the rest."""

import attrs

from tests.bench import wrk
from tests.bench.client import request
from tests.bench.openloop import OpenLoop, Outcome
from tests.bench.peers import LIMIT, Peer

CONNECTIONS = 512  # enough that a refusal, not the lack of a connection, is what an excess request meets
OFFERED = 2.0  # times the ceiling
REFUSED = 503


@attrs.frozen
class Overload:
    """What a peer did at `OFFERED` times its ceiling (requests/s)."""

    ceiling: float
    goodput_percent: float
    refusal_ms: float


def overload(peer: Peer, host: str, *, seconds: float) -> Overload:
    """Find the ceiling of a limited `peer` for the service `host` with a closed loop, then offer twice that.

    The closed loop keeps as many requests in flight as the peer lets in, and none is refused.
    """
    ceiling = wrk.run(peer.url, host, connections=LIMIT, seconds=seconds).per_second
    rate = OFFERED * ceiling
    loop = OpenLoop(peer.address, request(host), rate=rate, seconds=seconds, connections=CONNECTIONS)
    return judge(ceiling, loop.run())


def judge(ceiling: float, outcome: Outcome) -> Overload:
    """Compare what was served with the ceiling; the refusal's time is the 99th percentile from the planned send."""
    return Overload(
        ceiling=ceiling,
        goodput_percent=outcome.rate() / ceiling * 100,
        refusal_ms=outcome.latency(0.99, REFUSED) * 1e3,
    )
