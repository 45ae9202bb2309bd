"""What Finagle was heard to say, read and written again: byte for byte where its order is ours."""

from pathlib import Path as FilePath
from typing import Any

import pytest
import yaml

from mesh import Dtab, Path
from mesh_plugins.mux import failure, messages
from mesh_plugins.mux.calls import decode_dispatch, decode_dispatched, encode_answer, encode_dispatch
from mesh_plugins.mux.wire import RDISPATCH
from mesh_plugins.thrift.keys import ENCODINGS
from mesh_plugins.thrift.ttwitter import agrees, asks, read_request_header, write_request_header
from mesh_plugins.thrift.walking import Bounds

SAID = yaml.safe_load((FilePath(__file__).parent / "recorded.yaml").read_text())
MUX = SAID["mux"]
TAG = 2

upgrades = pytest.mark.parametrize("said", SAID["ttwitter"], ids=lambda said: said["encoding"])


def test_a_dispatch_is_read() -> None:
    request = decode_dispatch(bytes.fromhex(MUX["dispatch"]))

    assert request.destination == Path.read(MUX["destination"])
    assert request.dtab == Dtab.read(MUX["dtab"])
    assert {name.decode(): value.hex() for name, value in request.contexts} == MUX["contexts"]
    assert (request.body.buffered or b"").hex() == MUX["payload"]


def test_a_dispatch_is_written_as_it_was() -> None:
    request = decode_dispatch(bytes.fromhex(MUX["dispatch"]))

    written = encode_dispatch(
        TAG, [], request.contexts, request.destination, request.dtab, request.body.buffered or b""
    )

    assert written[4:].hex() == MUX["dispatch"]


@pytest.mark.parametrize("frame", MUX["control"])
def test_what_is_not_a_call_is_written_as_it_was(frame: str) -> None:
    message = messages.decode(bytes.fromhex(frame))

    assert message.encode()[4:].hex() == frame


@pytest.mark.parametrize(("frame", "status", "payload", "flags"), MUX["answers"])
def test_an_answer_is_read_and_written_as_it_was(frame: str, status: int, payload: str, flags: int) -> None:
    reply = decode_dispatched(bytes.fromhex(frame))

    assert (reply.status, (reply.body.buffered or b"").hex(), failure.flags_in(reply.contexts)) == (
        status,
        payload,
        flags,
    )
    assert encode_answer(RDISPATCH, TAG, reply.pack())[4:].hex() == frame


@upgrades
def test_the_upgrade_is_asked_for_and_agreed_to_in_the_same_words(said: dict[str, Any]) -> None:
    encoding = ENCODINGS[said["encoding"]]

    assert asks(encoding).hex() == said["ask"]
    assert agrees(encoding, 0).hex() == said["agreed"]


@upgrades
def test_the_header_of_a_call_is_read(said: dict[str, Any]) -> None:
    data = bytes.fromhex(said["header"] + said["message"])

    header, end = read_request_header(ENCODINGS[said["encoding"]], data, 0, Bounds())

    assert data[end:].hex() == said["message"]
    assert header.trace is not None
    assert f"{header.trace.trace:016x}" == said["trace"]
    assert header.client_id.decode() == said["client_id"]
    assert [name.decode() for name, _value in header.contexts] == said["others"]
    assert header.delegations == [(b"/a", b"/b"), (b"/x", b"/y | /z")]


@upgrades
def test_the_header_of_a_call_is_written_as_it_was(said: dict[str, Any]) -> None:
    encoding = ENCODINGS[said["encoding"]]
    header, _end = read_request_header(encoding, bytes.fromhex(said["header"]), 0, Bounds())

    assert write_request_header(encoding, header).hex() == said["header"]
