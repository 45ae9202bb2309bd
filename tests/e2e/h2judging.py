"""What became of a bad input of HTTP/2, and whether that is as it should be."""

from typing import Any

import attrs
import hpack

from mesh_plugins.http2.frames import DATA, GOAWAY, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE
from tests.e2e.h2cases import CODES, LAST_PING
from tests.plugins.http2.driving import frames_of


@attrs.define
class Seen:
    """What became of a case: what the client was answered, and the whole requests that arrived at an endpoint."""

    statuses: list[int]
    resets: list[str]
    goaways: list[str]
    alive: bool
    arrived: int
    shown: str


def understood(output: bytes, arrived: int, shown: str) -> Seen:
    """Take what a server sent apart; `arrived` and `shown` are requests that came to an endpoint, and what they held."""
    seen = Seen([], [], [], False, arrived, shown)
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


def check(expect: Any, seen: Seen) -> None:
    """Fail unless what was seen is what was expected."""
    assert seen.arrived in _allowed_requests(expect.get("upstream_requests", "any"))
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
            assert set(seen.goaways + seen.resets) <= codes | {"NO_ERROR"}  # a farewell refuses nothing
    for text in expect.get("upstream_lacks", []):
        assert text not in seen.shown


def _allowed_requests(expected: Any) -> range | list[int]:
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
