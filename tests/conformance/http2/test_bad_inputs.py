"""What the fast engine makes of the published bad inputs, whole and cut at random."""

import random
from collections.abc import Iterator
from typing import Any

import attrs
import hpack
import pytest

from mesh_plugins.http2.engine import NO_ERROR, Engine, RequestHead
from mesh_plugins.http2.frames import DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastServer
from tests.e2e.h2cases import CODES, LAST_PING, Case, cases, last_ping, sent
from tests.plugins.http2.driving import Exchange, Notes, feed, frames_of

READ_BYTES = 65536


class Upstream(Notes):
    """The owner of a connection that stands for endpoints: it answers the whole requests when it is told to."""

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
            self.engine.reply(number, 501, [], 0, ends=True)
            self.engine.reset(number, NO_ERROR)
        else:
            self.engine.reply(number, 200, [], 2, ends=False)
            self.engine.send_data(number, b"ok", ends=True)


@attrs.define
class Seen:
    """What became of a case."""

    statuses: list[int]
    resets: list[str]
    goaways: list[str]
    alive: bool
    arrived: int
    shown: str


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
    return understood(output, heads, shown)


def understood(output: bytes, exchanges: list[Exchange], shown: str) -> Seen:
    # A head that was passed on is no acceptance when its stream was reset after.
    arrived = [exchange for exchange in exchanges if exchange.request is None or exchange.reset is None]
    seen = Seen([], [], [], False, len(arrived), shown)
    decoder = hpack.Decoder()
    for kind, _, _, payload in frames_of(output):
        if kind == HEADERS:
            seen.statuses.append(int(dict(decoder.decode(payload, raw=True))[b":status"]))
        elif kind == RST_STREAM:
            seen.resets.append(CODES[int.from_bytes(payload)])
        elif kind == GOAWAY:
            seen.goaways.append(CODES[int.from_bytes(payload[4:8])])
        elif kind == PING:
            seen.alive = payload == LAST_PING
        else:
            assert kind in (DATA, SETTINGS, WINDOW_UPDATE)
    return seen


def cuttings(data: bytes) -> Iterator[Iterator[bytes]]:
    """Yield ways to cut what a client sends."""
    yield (data[at : at + READ_BYTES] for at in range(0, len(data), READ_BYTES))
    for seed in range(3):
        source = random.Random(seed)
        places = sorted(source.sample(range(len(data)), min(len(data), 40)))
        yield (data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True))


def allowed_requests(expected: Any) -> range | list[int]:
    match expected:
        case int():
            return [expected]
        case list():
            return expected
        case "bounded: <= 200":
            return range(201)
        case "incomplete_or_0":
            return [0]
        case _:
            return range(1000)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in cases()])
def test_a_bad_input_is_answered_however_it_is_cut(case: Case) -> None:
    data = b"".join(piece for piece in sent(case) if isinstance(piece, bytes))

    for pieces in cuttings(data):
        check(case["expect"], play(pieces))


def check(expect: Any, seen: Seen) -> None:
    refused = 501 in seen.statuses
    assert seen.arrived - refused in allowed_requests(expect.get("upstream_requests", "any"))
    if "alive_after" in expect:
        assert seen.alive in ([expect["alive_after"]] if expect["alive_after"] is True else expect["alive_after"])
    codes = set(expect.get("codes", []))
    match expect["action"]:
        case "forward":
            assert (seen.statuses, seen.resets, seen.goaways) == ([200], [], [])
        case "connection_error":
            assert (len(seen.goaways), set(seen.goaways) <= codes, seen.alive) == (1, True, False)
        case "stream_error":
            assert seen.resets
            assert set(seen.resets) <= codes
            assert (seen.goaways, seen.alive) == ([], True)
        case "error":
            assert set(seen.resets + seen.goaways) & codes or seen.statuses == expect.get("or_status")
        case "reject":
            assert seen.statuses[:1] in [[status] for status in expect["status"]] or set(seen.resets) & codes
        case "either":
            assert set(seen.goaways + seen.resets) <= codes
    for text in expect.get("upstream_lacks", []):
        assert text not in seen.shown
