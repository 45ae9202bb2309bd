"""The status that ends every call of gRPC: a code, a message, and the two fields that carry them.

Source: grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/statuscodes.md.
"""

import re
from enum import IntEnum

from mesh import Fields

GRPC_STATUS = b"grpc-status"
GRPC_MESSAGE = b"grpc-message"
MAX_MESSAGE = 4096  # bytes of a `grpc-message` that we write: peers limit a whole section to 8 KiB

_NUMBER = re.compile(rb"[0-9]{1,3}")
_CODED = [bytes([byte]) if 0x20 <= byte <= 0x7E and byte != 0x25 else b"%%%02X" % byte for byte in range(256)]


class Code(IntEnum):
    """The status codes of gRPC, by name and by number."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


_BY_VALUE = {b"%d" % code: code for code in Code}


def read_status(fields: Fields) -> Code | None:
    """Return the code that headers or trailers carry; None if they carry none.

    What is no number, and a number that stands for no code, is `UNKNOWN`.
    """
    for name, value in fields:
        if name == GRPC_STATUS:
            code = _BY_VALUE.get(value)
            return _read(value) if code is None else code
    return None


def _read(value: bytes) -> Code:
    return _BY_VALUE.get(b"%d" % int(value), Code.UNKNOWN) if _NUMBER.fullmatch(value) else Code.UNKNOWN


def parse_code(text: str | int) -> Code:
    """Return the code that a stack file means: a number, or a name in any case. Raises `ValueError` for neither."""
    if isinstance(text, str) and not text.isdecimal():
        name = text.upper().replace("-", "_")
        if name not in Code.__members__:
            raise ValueError(f"{text!r} is no status of gRPC: 0 to 16, or a name such as UNAVAILABLE")
        return Code[name]
    try:
        return Code(int(text))
    except ValueError:
        raise ValueError(f"{text} is no status of gRPC: 0 to 16, or a name such as UNAVAILABLE") from None


def status_fields(code: Code, message: str = "") -> Fields:
    """Return the fields that end a call."""
    fields = [(GRPC_STATUS, b"%d" % code)]
    if message:
        fields.append((GRPC_MESSAGE, encode_message(message)))
    return fields


def encode_message(message: str) -> bytes:
    """Return a message as a field carries it: percent-encoded where it is not plain ASCII, and cut off if it is long."""
    coded = b"".join([_CODED[byte] for byte in message.encode("utf-8", "replace")])
    return coded if len(coded) <= MAX_MESSAGE else _cut(coded)


def _cut(coded: bytes) -> bytes:
    """Return the first bytes, without the half of an escape at their end."""
    return re.sub(rb"%[0-9A-F]?$", b"", coded[:MAX_MESSAGE])
