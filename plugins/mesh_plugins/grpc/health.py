"""The messages of `grpc.health.v1.Health`: whether a server, or a service of it, takes calls. Sans-io.

They are written and read by hand, since each has one field. Source: grpc/grpc, doc/health-checking.md and
src/proto/grpc/health/v1/health.proto; protobuf.dev, "Encoding".
"""

from enum import IntEnum

from mesh import RemoteProtocolError

CHECK = b"/grpc.health.v1.Health/Check"
WATCH = b"/grpc.health.v1.Health/Watch"
MAX_BYTES = 4096  # of a message: the name of a service, or a number
_FIELD_1_TEXT, _FIELD_1_NUMBER = 0x0A, 0x08


class Serving(IntEnum):
    """What a server says of a service."""

    UNKNOWN = 0
    SERVING = 1
    NOT_SERVING = 2
    SERVICE_UNKNOWN = 3


def encode_request(service: str) -> bytes:
    """Return a `HealthCheckRequest`; the empty name is the server as a whole."""
    name = service.encode()
    return bytes([_FIELD_1_TEXT]) + _varint(len(name)) + name if name else b""


def decode_request(message: bytes) -> str:
    """Return the name that is asked for. Raises `RemoteProtocolError`."""
    name = b""
    for tag, value in _fields(message):
        if tag == _FIELD_1_TEXT and isinstance(value, bytes):
            name = value
    try:
        return name.decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError("the name of a service is no UTF-8") from error


def encode_reply(serving: Serving) -> bytes:
    """Return a `HealthCheckResponse`."""
    return bytes([_FIELD_1_NUMBER, serving]) if serving else b""


def decode_reply(message: bytes) -> Serving:
    """Return what a server says; a number that nobody knows is `UNKNOWN`. Raises `RemoteProtocolError`."""
    serving = 0
    for tag, value in _fields(message):
        if tag == _FIELD_1_NUMBER and isinstance(value, int):
            serving = value
    return Serving(serving) if serving in Serving.__members__.values() else Serving.UNKNOWN


def _fields(message: bytes) -> list[tuple[int, int | bytes]]:
    """Return the fields of a message of protobuf by their tags, those of fixed width left out."""
    found: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(message):
        tag, place = _read_varint(message, place)
        wire_type = tag & 7
        if wire_type == 0:
            number, place = _read_varint(message, place)
            found.append((tag, number))
            continue
        if wire_type == 2:
            size, place = _read_varint(message, place)
        elif wire_type in (1, 5):
            size = 8 if wire_type == 1 else 4
        else:
            raise RemoteProtocolError(f"a message of protobuf has the wire type {wire_type}")
        if place + size > len(message):
            raise RemoteProtocolError("a message of protobuf ended in the middle of a field")
        if wire_type == 2:
            found.append((tag, message[place : place + size]))
        place += size
    return found


def _varint(number: int) -> bytes:
    coded = bytearray()
    while number > 0x7F:
        coded.append(number & 0x7F | 0x80)
        number >>= 7
    coded.append(number)
    return bytes(coded)


def _read_varint(message: bytes, place: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it."""
    number = 0
    for shift, byte in enumerate(message[place : place + 10]):
        number |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return number, place + shift + 1
    raise RemoteProtocolError("a message of protobuf ended in the middle of a number, or has one that is too long")
