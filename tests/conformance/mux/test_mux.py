"""What Finagle says in Mux, byte for byte, from the YAML files beside this one: its published cases, and their neighbours.

Where a case has `here`, that is what we answer on purpose, and `why`. Beyond that: the text of an unknown exception is ours,
and nothing is ever compressed, whatever two sides could agree on.
"""

import pathlib
from typing import Any

import pytest
import trio
import yaml

from mesh import Buffered, Dtab, Path, TraceId
from mesh_plugins.finagle import contexts as context_ids
from mesh_plugins.mux import failure, messages, wire
from mesh_plugins.mux.calls import (
    decode_answered,
    decode_dispatch,
    decode_dispatched,
    decode_request,
    encode_answer,
    encode_dispatch,
    encode_request,
)
from mesh_plugins.mux.compression import Agreed, Preferences, Setting, negotiate
from mesh_plugins.mux.handshake import Incompatible, negotiate_tls
from mesh_plugins.mux.message import MuxReply, MuxRequest, failed
from tests.plugins.mux.ends import served, spoken

# A case's own shape depends on its group, so it is `Any` until the group's test takes it apart.
Case = Any

FILES = [
    yaml.safe_load((pathlib.Path(__file__).parent / name).read_text()) for name in ("finagle.yaml", "neighbours.yaml")
]
EMPTY_KINDS = {
    "Tping": wire.TPING,
    "Rping": wire.RPING,
    "Tdrain": wire.TDRAIN,
    "Rdrain": wire.RDRAIN,
    "Rdiscarded": wire.RDISCARDED,
}
EMPTY_NAMES = {kind: name for name, kind in EMPTY_KINDS.items()}
STATUSES = {"Ok": wire.OK, "Error": wire.ERROR, "Nack": wire.NACK}


def cases(group: str) -> pytest.MarkDecorator:
    published = [case for groups in FILES for case in groups.get(group, ())]
    found = [pytest.param(case["given"], case.get("here", case["expect"]), id=case["id"]) for case in published]
    return pytest.mark.parametrize(("given", "expect"), found)


def octets(text: str) -> bytes:
    return bytes.fromhex(text[4:]) if text.startswith("hex:") else text.encode()


def pairs(given: Case, key: str = "contexts") -> list[tuple[bytes, bytes]]:
    return [(octets(name), octets(value)) for name, value in given.get(key, [])]


def trace_of(given: Case) -> TraceId | None:
    numbers = given.get("trace")
    if numbers is None:
        return None
    span, parent, trace = (int(str(numbers[name]), 16) for name in ("span", "parent", "trace"))
    return TraceId.of(span, parent, trace, flags=numbers.get("flags", 0))


def encoded(given: Case) -> bytes:
    kind, tag = given["type"], given.get("tag", 0)
    body = octets(given.get("body", ""))
    match kind:
        case "Treq":
            return encode_request(tag, trace_of(given), body)
        case "Tdispatch":
            dtab = Dtab.read(given.get("dtab", ""))
            return encode_dispatch(
                tag, [], pairs(given), Path.read(given.get("dst", "/")), dtab if len(dtab) else None, body
            )
        case "Tdiscarded":
            return messages.Discarded(given["which"], given["why"]).encode()
        case "Tlease":
            return messages.Lease(given["howlong"], given["unit"]).encode()
        case "Tinit" | "Rinit":
            headers = tuple(pairs(given, "headers"))
            return messages.Init(wire.TINIT if kind == "Tinit" else wire.RINIT, tag, given["version"], headers).encode()
        case "Rerr":
            return messages.Error(tag, given["error"]).encode()
        case "Fragment":
            return wire.frame(given["typ"] & 0xFF, tag, body)
    if kind in EMPTY_KINDS:
        return messages.Control(EMPTY_KINDS[kind], tag).encode()
    name, status = (kind[:4], kind[4:]) if kind.startswith("Rreq") else (kind[:9], kind[9:])
    reply = MuxReply(STATUSES[status], given["error"].encode() if "error" in given else body, pairs(given))
    if name == "Rreq":
        return encode_answer(wire.RREQ, tag, reply.pack_plain())
    return encode_answer(wire.RDISPATCH, tag, reply.pack())


@cases("mux_encode")
def test_messages_are_written_as_finagle_writes_them(given: Case, expect: Case) -> None:
    if isinstance(expect, dict):
        with pytest.raises((ValueError, OverflowError)):
            wire.frame(wire.TREQ, given["tag"])
        return

    assert encoded(given)[4:].hex() == expect


def shown(contexts: list[tuple[bytes, bytes]]) -> list[list[str]]:
    return [[name.hex(), value.hex()] for name, value in contexts]


def shown_reply(name: str, tag: int, reply: MuxReply) -> Case:
    status = {number: word for word, number in STATUSES.items()}[reply.status]
    found: Case = {"type": name + status, "tag": tag}
    if name == "Rdispatch":
        found["contexts"] = shown(reply.contexts)
    if status == "Ok":
        found["body"] = (reply.body.buffered or b"").hex()
    elif status == "Error":
        found["error"] = (reply.body.buffered or b"").decode()
    return found


def shown_trace(request: MuxRequest) -> Case:
    trace = TraceId(request.contexts[0][1])
    return {
        "trace": f"{trace.trace:016x}",
        "parent": f"{trace.span if trace.parent is None else trace.parent:016x}",
        "span": trace.span_hex,
        "sampled": trace.sampled,
        "flags": trace.flags,
    }


def decoded(data: bytes) -> Case:
    """Return a message as the cases describe one. Raises what decoding raises."""
    if len(data) >= 4 and data[1] & 0x80 and data[0] in (wire.TDISPATCH, wire.RDISPATCH):
        return {
            "type": "Fragment",
            "typ": wire.signed(data[0]),
            "tag": int.from_bytes(data[1:4]),
            "body": data[4:].hex(),
        }
    tag = int.from_bytes(data[1:4])
    match data[:1]:
        case b"\x01":
            request = decode_request(data)
            found = {"type": "Treq", "tag": tag, "body": (request.body.buffered or b"").hex()}
            return found | ({"trace": shown_trace(request)} if request.contexts else {})
        case b"\x02":
            request = decode_dispatch(data)
            return {
                "type": "Tdispatch",
                "tag": tag,
                "contexts": shown(request.contexts),
                "dst": request.destination.show(),
                "dtab": "" if request.dtab is None else request.dtab.show(),
                "body": (request.body.buffered or b"").hex(),
            }
        case b"\xff":
            return shown_reply("Rreq", tag, decode_answered(data))
        case b"\xfe":
            return shown_reply("Rdispatch", tag, decode_dispatched(data))
    match messages.decode(data):
        case messages.Control(kind, tag):
            return {"type": EMPTY_NAMES[kind], "tag": tag}
        case messages.Error(tag, text):
            return {"type": "Rerr", "tag": tag, "error": text}
        case messages.Discarded(which, why):
            return {"type": "Tdiscarded", "which": which, "why": why}
        case messages.Lease(howlong, unit):
            return {"type": "Tlease", "unit": unit, "howlong": howlong}
        case messages.Init(kind, tag, version, headers):
            name = "Tinit" if kind == wire.TINIT else "Rinit"
            return {"type": name, "tag": tag, "version": version, "headers": shown(list(headers))}


@cases("mux_decode")
def test_messages_are_read_as_finagle_reads_them(given: Case, expect: Case) -> None:
    data = bytes.fromhex(given["hex"])
    if "exception" in expect:
        with pytest.raises(wire.Undecodable) as refused:
            decoded(data)
        assert str(refused.value) == expect["error"]
        return

    assert decoded(data) == expect


@cases("mux_failure_context")
def test_the_reason_of_a_failure_is_written_as_finagle_writes_it(given: Case, expect: Case) -> None:
    [(name, value)] = failure.context(given["flags"])

    assert {"key": name.decode(), "value": value.hex()} == expect


@cases("mux_failure_from_failure_flags")
def test_finagles_own_flags_become_those_of_mux(given: Case, expect: Case) -> None:
    assert failure.from_finagle(given["flags"]) == expect["muxflags"]


@cases("mux_tls_negotiate")
def test_tls_is_agreed_on_as_finagle_does(given: Case, expect: Case) -> None:
    if isinstance(expect, str):
        with pytest.raises(Incompatible):
            negotiate_tls(given["client"], given["server"])
        return

    assert negotiate_tls(given["client"], given["server"]) is expect


@cases("mux_compression_header")
def test_what_was_agreed_on_compression_is_written_as_finagle_does(given: Case, expect: Case) -> None:
    if "compression" in given:
        value: Preferences | Agreed = Preferences(_setting(given["compression"]), _setting(given["decompression"]))
    else:
        value = Agreed(given["request"], given["response"])

    assert value.encode().decode() == expect
    assert type(value).decode(expect.encode()) == value


@cases("mux_compression_negotiate")
def test_compression_is_agreed_on_as_finagle_does(given: Case, expect: Case) -> None:
    server, client = (
        Preferences(_setting(given[f"{side}_compression"]), _setting(given[f"{side}_decompression"]))
        for side in ("server", "client")
    )

    assert negotiate(server, client) == Agreed(expect["request"], expect["response"])


def _setting(said: list[str]) -> Setting:
    level, *formats = said
    return Setting(level, tuple(formats))


@cases("mux_reqrep_headers")
def test_headers_of_a_service_are_pairs_as_contexts_are(given: Case, expect: Case) -> None:
    assert context_ids.write([(name.encode(), value.encode()) for name, value in given["headers"]]).hex() == expect


@cases("context")
def test_deadlines_travel_as_finagles_do(given: Case, expect: Case) -> None:
    if given["kind"] == "undeadline":
        assert context_ids.read_deadline(bytes.fromhex(given["hex"])) == (expect["ts"], expect["deadline"])
        return

    packed = context_ids.pack_deadline(given["ts"], given.get("deadline"))

    assert {"id": context_ids.DEADLINE.decode(), "hex": packed.hex()} == expect


NOT_RETRIED = "Failure(The request was Nacked by the server and should not be retried, flags=0x18) with Service -> cap"


async def like_finagles(request: MuxRequest) -> MuxReply:
    """Answer as the service did that the cases were taken with."""
    asked = (request.body.buffered or b"").decode()
    match asked:
        case "hang":
            await trio.sleep_forever()
        case "nack":
            return MuxReply(wire.NACK, b"", failure.context(failure.RETRYABLE | failure.REJECTED))
        case "nonretry":
            return failed(NOT_RETRIED, failure.context(failure.REJECTED | failure.NON_RETRYABLE))
        case "boom":
            return failed("java.lang.Exception: boom")
        case "info":
            dtab = "" if request.dtab is None else request.dtab.show()
            return MuxReply(
                0, f"dst={request.destination} dtab={dtab} deadline=false ctx=0 retries=None trace=None".encode()
            )
    return MuxReply(0, asked.encode())


@cases("mux_wire_server")
async def test_a_client_is_answered_as_finagles_server_does(given: Case, expect: Case) -> None:
    async with served(like_finagles) as bench:
        said = []
        for step in given["steps"]:
            received = await bench.client.ask(step["send"])
            said.append({"receive": received, "closed": bench.client.closed})

    assert said == expect


@cases("mux_wire_client")
async def test_an_endpoint_is_spoken_to_as_finagles_client_does(given: Case, expect: Case) -> None:
    results: list[Case] = []
    frames: list[str] = []

    async def call() -> None:
        for place, case in enumerate(given["requests"]):
            dtab = Dtab.read(case["local_dtab"]) if "local_dtab" in case else None
            request = MuxRequest(Path.read(case.get("destination", "/")), Buffered(case["body"].encode()), [], dtab)
            request.context.span = TraceId.of(place + 1)
            reply = await bench.session(request)
            results.append({"ok": (reply.body.buffered or b"").decode()})

    async with spoken(shake=False) as bench:
        bench.nursery.start_soon(call)
        for line in expect["transcript"]:
            if line["from"] == "server":
                await bench.endpoint.send(line["hex"])
            elif "hex" in line:
                frames += await bench.endpoint.received()
                assert like(frames.pop(0), line["hex"])
        await bench.endpoint.received()

    assert results == expect["results"]


def like(frame: str, expected: str) -> bool:
    """Return whether a frame is the expected one but for the digits that are `?`."""
    return len(frame) == len(expected) and all(two in ("?", one) for one, two in zip(frame, expected, strict=True))
