"""What the fast engine makes of the published bad inputs, whole and cut at random."""

import random
from collections.abc import Iterator

import pytest

from mesh_plugins.http2.engine import NO_ERROR, Engine, RequestHead
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastServer
from tests.e2e.h2cases import Case, cases, last_ping, sent
from tests.e2e.h2judging import Seen, check, understood
from tests.plugins.http2.driving import Notes, feed

READ_BYTES = 65536


class Upstream(Notes):
    """The owner of a connection that stands for endpoints: it answers the whole requests when it is told to."""

    refused = 0

    def answer(self) -> None:
        for exchange in self.exchanges:
            head = exchange.request
            if head is None or exchange.reset is not None:
                continue
            if exchange.has_ended or head.ends or head.method == b"CONNECT":
                exchange.request = None
                self._answer(exchange.number, head)

    def _answer(self, number: int, head: RequestHead) -> None:
        if head.method == b"CONNECT":
            self.refused += 1
            self.engine.reply(number, 501, [], 0, ends=True)
            self.engine.reset(number, NO_ERROR)
        else:
            self.engine.reply(number, 200, [], 2, ends=False)
            self.engine.send_data(number, b"ok", ends=True)


def play(pieces: Iterator[bytes]) -> Seen:
    """Feed a server the pieces and, unless that ended the connection, the last PING."""
    owner = Upstream()
    engine: Engine = FastServer(owner, Options(), lambda: 0.0)
    owner.engine = engine
    output = engine.take_output()
    heads = owner.exchanges
    for piece in [*pieces, last_ping()]:
        failed = feed(engine, piece)
        shown = repr([exchange.request for exchange in heads])
        owner.answer()
        output += engine.take_output()
        if failed is not None:
            break
    # A head that was passed on is no acceptance when its stream was reset after; nor is a CONNECT, which goes nowhere.
    arrived = [exchange for exchange in heads if exchange.request is None or exchange.reset is None]
    return understood(output, len(arrived) - owner.refused, shown)


def cuttings(data: bytes) -> Iterator[Iterator[bytes]]:
    """Yield ways to cut what a client sends."""
    yield (data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES))
    for seed in range(3):
        source = random.Random(seed)
        places = sorted(source.sample(range(len(data)), min(len(data), 40)))
        yield (data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True))


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases()])
def test_a_bad_input_is_answered_however_it_is_cut(case: Case) -> None:
    data = b"".join(piece for piece in sent(case) if isinstance(piece, bytes))

    for pieces in cuttings(data):
        check(case["expect"], play(pieces))
