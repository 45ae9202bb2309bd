"""Contexts and frames as Finagle writes them, for tests to send and to expect."""

import struct
import time

DEADLINE = "com.twitter.finagle.Deadline"
TRACE = "com.twitter.finagle.tracing.TraceContext"
RETRIES = "com.twitter.finagle.Retries"
CLIENT_ID = "com.twitter.finagle.thrift.ClientIdContext"

TINIT_CHECK = "7f000001" + b"tinit check".hex()
HEADERS = "0000000a" + b"mux-framer".hex() + "000000047fffffff" + "00000003" + b"tls".hex() + "00000003" + b"off".hex()
TINIT = "440000010001" + HEADERS
RINIT = "bc0000010001" + HEADERS
TPING, RPING = "41000001", "bf000001"
TDRAIN, RDRAIN = "40000001", "c0000001"
NACK = "fe000002020001000a" + b"MuxFailure".hex() + "00080000000000000003"

CAN_TRACE = "0000001b" + b"__can__finagle__trace__v3__".hex() + "0000000000"
UPGRADE, UPGRADED = "80010001" + CAN_TRACE, "80010002" + CAN_TRACE


def deadline(seconds: float) -> str:
    """Return the context of a deadline that is set now, in hexadecimal digits."""
    now = time.time_ns()
    return struct.pack(">qq", now, now + int(seconds * 1e9)).hex()


def trace(trace_id: int, span: int, parent: int, flags: int = 0) -> str:
    """Return the context of a trace, in hexadecimal digits."""
    return struct.pack(">QQQQ", span, parent, trace_id, flags).hex()


def call(method: str, text: str, kind: str = "01", field: int = 1, seqid: int = 0) -> str:
    """Return a message of framed binary Thrift without its frame, with one string; of a reply `kind` is 02, `field` 0."""
    name, value = method.encode(), text.encode()
    head = f"800100{kind}{len(name):08x}{name.hex()}{seqid & 0xFFFFFFFF:08x}"
    return f"{head}0b{field:04x}{len(value):08x}{value.hex()}00"
