"""Messages of gRPC as they stand in a body: a flag, a length of four bytes, and so many bytes. Sans-io.

Source: grpc/grpc, doc/PROTOCOL-HTTP2.md, `Length-Prefixed-Message`; doc/PROTOCOL-WEB.md for the flag of trailers.
"""

import attrs

from mesh import RemoteProtocolError

PREFIX_BYTES = 5
COMPRESSED = 1
TRAILERS = 0x80
"""The flag of the frame in which gRPC-Web carries trailers."""
MAX_MESSAGE_BYTES = 4 * 1024 * 1024  # what gRPC's own libraries take by default


@attrs.frozen
class Message:
    """One message; `flags` are those of its prefix, `COMPRESSED` among them."""

    content: bytes
    flags: int = 0


def encode(content: bytes, flags: int = 0) -> bytes:
    """Return a message with its prefix."""
    return bytes([flags]) + len(content).to_bytes(4, "big") + content


class MessageReader:
    """Takes a body in pieces, and gives the messages in it.

    It holds no more than one message and the piece that came last; a message longer than `most` bytes is refused when its
    prefix is there. State: what came and is no whole message yet.
    """

    __slots__ = ("_held", "_most")

    def __init__(self, most: int = MAX_MESSAGE_BYTES) -> None:
        self._most = most
        self._held = bytearray()

    def feed(self, piece: bytes) -> list[Message]:
        """Take a piece of the body; return the messages that are whole now.

        Raises `RemoteProtocolError`, with the status 413 if a message is too long; after that, the reader is good for nothing.
        """
        held = self._held
        held += piece
        found, start = [], 0
        while len(held) - start >= PREFIX_BYTES:
            flags, size = held[start], int.from_bytes(held[start + 1 : start + PREFIX_BYTES], "big")
            if flags & ~(COMPRESSED | TRAILERS):
                raise RemoteProtocolError(f"a message of gRPC has the unknown flags {flags:#04x}")
            if size > self._most:
                raise RemoteProtocolError(f"a message of {size} bytes is longer than {self._most}", status=413)
            end = start + PREFIX_BYTES + size
            if end > len(held):
                break
            found.append(Message(bytes(held[start + PREFIX_BYTES : end]), flags))
            start = end
        del held[:start]
        return found

    def end(self) -> None:
        """Take note of the end of the body. Raises `RemoteProtocolError` if that is in the middle of a message."""
        if self._held:
            raise RemoteProtocolError("the body ended in the middle of a message of gRPC")
