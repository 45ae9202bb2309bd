"""The published bad inputs of HTTP/2 as bytes; their language is explained in the file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mesh_plugins.http2.frames import HEAD, PREFACE
from tests.plugins.http2.driving import block

FILE = Path(__file__).parents[1] / "conformance" / "http2" / "bad_inputs.yaml"
LAST_PING = bytes.fromhex("1122334455667788")

TYPES = {
    "DATA": 0,
    "HEADERS": 1,
    "PRIORITY": 2,
    "RST_STREAM": 3,
    "SETTINGS": 4,
    "PUSH_PROMISE": 5,
    "PING": 6,
    "GOAWAY": 7,
    "WINDOW_UPDATE": 8,
    "CONTINUATION": 9,
}
FLAGS = {"END_STREAM": 1, "ACK": 1, "END_HEADERS": 4, "PADDED": 8, "PRIORITY": 32}
CODES = [
    *("NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED"),
    *("FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM"),
    *("INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED"),
]

Case = Any
"""One entry of the file."""


def cases(proto: str = "http2") -> list[Case]:
    """Return the entries of one protocol."""
    return [case for case in yaml.safe_load(FILE.read_text())["inputs"] if case["proto"] == proto]


def sent(case: Case) -> Iterator[bytes | float]:
    """Yield what the client sends, and the seconds that it waits in between; the last PING is not in it."""
    for step in case["input"]:
        if "pause" in step:
            yield float(step["pause"])
        else:
            yield b"".join(_octets(step, 0))


def last_ping() -> bytes:
    """Return the PING whose answer says that the connection is alive."""
    return _frame(6, 0, 0, LAST_PING)


def _octets(step: dict[str, Any], shift: int) -> Iterator[bytes]:
    match step:
        case {"preface": True}:
            yield PREFACE + _frame(4, 0, 0, b"")
        case {"raw": raw}:
            yield raw.encode("latin-1")
        case {"repeat": again}:
            for number in range(again["count"]):
                for inner in again["frames"]:
                    yield from _octets(inner, number * again["stream_step"])
        case {"hpack_bomb": bomb}:
            start = block((b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"a.test"), (b":path", b"/"))
            entry = b"\x40" + block((b"a", b"b" * bomb["value_len"]))[1:]
            yield _frame(1, 5, 1, start + entry + b"\xbe" * bomb["indexed_refs"])
        case {"frame": frame}:
            kind = frame["type"]
            flags = sum(FLAGS[name] for name in frame["flags"])
            yield _frame(TYPES.get(kind, kind), flags, frame["stream"] + shift, _payload(frame))


def _payload(frame: dict[str, Any]) -> bytes:
    if "payload_hex" in frame:
        return bytes.fromhex(frame["payload_hex"])
    if "payload_fill" in frame:
        filled: bytes = bytes.fromhex(frame["payload_fill"]) * frame["payload_len"]
        return filled
    fields = [tuple(field) for field in frame["headers"]]
    if fill := frame.get("headers_fill"):
        value = fill["value"] * fill.get("value_repeat", 1)
        fields += [(fill["name"] % number, value) for number in range(fill["count"])]
    prefix = bytes.fromhex(frame.get("prefix_hex", ""))
    return prefix + block(*((name.encode("latin-1"), value.encode("latin-1")) for name, value in fields))


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return HEAD.pack(len(payload) << 8 | kind, flags, stream) + payload
