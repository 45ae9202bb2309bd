"""What both engines of the HTTP/1.1 codec make of the published bad inputs, whole, byte by byte, and cut at random.

The engines have no clock, no filters and no socket, so the cases in `NOT_THE_WIRES` are somebody else's to refuse.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh import Limits
from mesh_plugins.http1.head import ReplyHead, RequestHead
from mesh_plugins.http1.wire import FastClient
from tests.plugins.http1.driving import CLIENTS, SERVERS, Message, Reading, cuttings, read_reply, read_requests

# A case's own shape depends on its protocol, so it is `Any` until the function for the protocol takes it apart.
Case = Any

FILE = yaml.safe_load((Path(__file__).parent / "bad_inputs.yaml").read_text())
NOT_THE_WIRES = {
    "h1-slowloris": "the deadline of a head is its connection's",
    "h1-silent": "the deadline of an idle connection is its own",
    "h1-path-dotdot": "paths are normalised by a filter of the profile `edge`",
    "h1-path-pct-dotdot": "paths are normalised by a filter of the profile `edge`",
    "l5d-dtab-syntax": "overrides are read by a filter",
    "via-loop": "loops are seen by a filter",
}


def octets_of(segments: list[dict[str, Any]]) -> bytes:
    return b"".join(part["bytes"].encode("latin-1") * part.get("repeat", 1) for part in segments if "bytes" in part)


def limits_of(case: Case) -> Limits:
    return Limits(**(FILE["limits"] | case.get("with_limits", {})))


def cases(proto: str) -> list[Any]:
    found = [case for case in FILE["inputs"] if case["proto"] == proto and case["id"] not in NOT_THE_WIRES]
    return [pytest.param(case, id=case["id"]) for case in found]


def sent_on(request: Message[RequestHead]) -> bytes:
    """Return the request as an endpoint gets to see it."""
    head = request.head
    client = FastClient(Limits())
    return client.write_head(head.method, head.target, head.headers, len(request.content)) + request.content


@pytest.mark.parametrize("engine", SERVERS)
@pytest.mark.parametrize("case", cases("http1"))
def test_a_bad_request_is_refused_however_it_is_cut(case: Case, engine: str) -> None:
    expect = case["expect"]

    limits = limits_of(case)

    readings = [read_requests(SERVERS[engine](limits), pieces) for pieces in cuttings(octets_of(case["input"]))]

    assert {(len(reading.whole), reading.refused is None) for reading in readings} == {
        (len(readings[0].whole), readings[0].refused is None)
    }
    for reading in readings:
        allowed = expect.get("upstream_requests", [0, 1, 2])
        assert len(reading.whole) in (allowed if isinstance(allowed, list) else [allowed])
        if expect["action"] == "reject":
            assert reading.refused in expect["status"]
        if expect["action"] == "forward":
            assert reading.refused is None
        arrived = b"".join(map(sent_on, reading.whole))
        assert [text for text in expect.get("upstream_contains", []) if text.encode("latin-1") not in arrived] == []
        assert [text for text in expect.get("upstream_lacks", []) if text.encode("latin-1") in arrived] == []


@pytest.mark.parametrize("engine", CLIENTS)
@pytest.mark.parametrize("case", cases("http1-response"))
def test_a_bad_reply_is_refused_however_it_is_cut(case: Case, engine: str) -> None:
    end = [b""] if {"eof": True} in case["upstream_sends"] else []

    readings: list[Reading[ReplyHead]] = []
    clients = []
    for pieces in cuttings(octets_of(case["upstream_sends"])):
        client = CLIENTS[engine](limits_of(case))
        if {"pre_request": True} in case["upstream_sends"]:
            client.feed(pieces.pop(0))
        readings.append(read_reply(client, pieces + end, case["request_method"].encode()))
        clients.append(client)

    assert [reading for reading in readings if reading != readings[0]] == []
    for client, reading in zip(clients, readings, strict=True):
        check_reply(case["expect"], reading)
        if case["expect"].get("upstream_conn_reused") is False:
            assert reading.refused is not None or client.has_bytes()


def check_reply(expect: Any, reading: Reading[ReplyHead]) -> None:
    final = [message for message in reading.whole if message.head.status >= 200]
    match expect["action"]:
        case "gateway_error" | "discard":
            assert (final, reading.begun, reading.refused) == ([], None, 502)
        case "abort":
            assert final == []
        case "forward":
            assert [message.head.status in expect["status"] for message in final] == [True]
            assert reading.refused is None
