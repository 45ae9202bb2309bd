"""Finagle's cases of TTwitter's headers, and of the contexts in them."""

import pathlib
from typing import Any

import pytest
import yaml

from mesh_plugins.finagle.contexts import DEADLINE, pack_deadline, read_deadline
from mesh_plugins.thrift.message import BINARY, read_request
from mesh_plugins.thrift.ttwitter import read_request_header, write_request_header
from mesh_plugins.thrift.walking import Bounds

GROUPS = yaml.safe_load((pathlib.Path(__file__).parent / "finagle.yaml").read_text())["groups"]
SIZE = 4  # bytes of a frame's size


def cases(group: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in GROUPS[group]])


@cases("ttwitter_request")
def test_a_captured_header_is_read_and_written_again(case: Any) -> None:
    frame, expect = bytes.fromhex(case["given"]["frame_hex"]), case["expect"]

    header, at = read_request_header(BINARY, frame, SIZE, Bounds())

    assert int.from_bytes(frame[:SIZE], "big") == len(frame) - SIZE
    wanted = expect["header"]
    assert header.trace is not None
    assert f"{header.trace.trace:016x}" == wanted["1_trace_id"]
    assert header.trace.span_hex == wanted["2_span_id"]
    assert f"{header.trace.flags:016x}" == wanted["7_flags"]
    assert header.client_id.decode() == wanted.get("6_client_id", "")
    assert [[key.decode(), value.hex()] for key, value in header.contexts] == wanted["8_contexts"]
    assert (at - SIZE, frame[at:].hex()) == (expect["header_bytes"], expect["thrift_message_hex"])
    assert write_request_header(BINARY, header).hex() == frame[SIZE:at].hex()


@cases("ttwitter_upgrade")
def test_a_connection_that_never_upgrades_carries_bare_messages(case: Any) -> None:
    frame = bytes.fromhex(case["given"]["client_frame_hex"])

    request = read_request(frame[SIZE:])

    assert (request.header, request.method) == (None, b"query")
    assert (request.body.buffered or b"").hex() == case["expect"]["thrift_message_hex"]


@cases("context")
def test_a_deadline_travels_as_two_times(case: Any) -> None:
    given, expect = case["given"], case["expect"]

    if given["kind"] == "deadline":
        written = pack_deadline(given["ts"], given.get("deadline"))
        assert (DEADLINE.decode(), written.hex()) == (expect["id"], expect["hex"])
    else:
        assert read_deadline(bytes.fromhex(given["hex"])) == (expect["ts"], expect["deadline"])
