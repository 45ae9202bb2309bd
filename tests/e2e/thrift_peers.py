"""Thrift to the byte, for either end of a proxy: frames, calls, and an endpoint that remembers what it was asked."""

import struct
from typing import Any

import attrs

from tests.e2e.raw import Incomplete, RawConnection
from tests.e2e.stubs import Stub
from tests.proxies import stack

CALL, REPLY, EXCEPTION, ONEWAY = 1, 2, 3, 4
UNKNOWN_METHOD = struct.pack(">bhib", 8, 2, 1, 0)
"""The struct of an exception that says so."""


def frame(message: bytes) -> bytes:
    """Return a message with its size in front."""
    return struct.pack(">i", len(message)) + message


def message(kind: int, seqid: int, struct_: bytes = b"\0", name: bytes = b"echo") -> bytes:
    """Return a message of the binary protocol."""
    return struct.pack(">HBBi", 0x8001, 0, kind, len(name)) + name + struct.pack(">i", seqid) + struct_


def kind_and_seqid(message: bytes) -> tuple[int, int]:
    """Return what the head of a binary message says."""
    size = struct.unpack_from(">i", message, 4)[0]
    return message[3], struct.unpack_from(">i", message, 8 + size)[0]


def says(message: bytes, exception_type: int) -> bool:
    """Return whether a message is a `TApplicationException` of this type."""
    return message[3] == EXCEPTION and message.endswith(struct.pack(">bhib", 8, 2, exception_type, 0))


async def next_frame(connection: RawConnection) -> bytes | None:
    """Return the message in the next frame; None at the end of the connection."""
    try:
        size = struct.unpack(">i", await connection.exactly(4))[0]
        return await connection.exactly(size)
    except Incomplete:
        return None


@attrs.define(eq=False)
class Echo:
    """The behaviour of an endpoint that answers every call with its own struct; in `calls` is what came.

    A call with the sequence id `confused` is answered with the next one, and one that asks for TTwitter with an exception.
    """

    calls: list[bytes] = attrs.field(factory=list)
    confused: int | None = None

    async def __call__(self, _stub: Stub, connection: RawConnection) -> None:
        while (call := await next_frame(connection)) is not None:
            self.calls.append(call)
            kind, seqid = kind_and_seqid(call)
            if kind == CALL:
                size = struct.unpack_from(">i", call, 4)[0]
                if call[8 : 8 + size] == b"__can__finagle__trace__v3__":
                    await connection.send(frame(message(EXCEPTION, seqid, UNKNOWN_METHOD)))
                    continue
                answered = seqid + 1 if seqid == self.confused else seqid
                await connection.send(frame(message(REPLY, answered, call[12 + size :], call[8 : 8 + size])))


def thrift(dtab: str | int, **router: Any) -> str:
    """Return a stack file of one Thrift router."""
    return stack(dtab, protocol="thrift", **router)
