"""Messages from one side's encoding and transport to the other's: as they are, with another head, or written anew."""

from mesh_plugins.thrift.framing import framed
from mesh_plugins.thrift.message import Encoding, Frame, Message, ThriftReply, ThriftRequest
from mesh_plugins.thrift.walking import Bounds, check, is_sound, transcode


async def converted(message: ThriftRequest | ThriftReply, encoding: Encoding, seqid: int, bounds: Bounds) -> bytes:
    """Return a message, without a frame, in an encoding and with a sequence id. Raises `Malformed`."""
    head, data = message.head, message.body.buffered or b""
    at = head.at - message.body.start if isinstance(message.body, Message) else head.at
    if encoding is message.encoding and seqid == head.seqid:
        return data
    new_head = encoding.write_head(head.kind, head.name, seqid)
    if encoding.has_structs_of(message.encoding):
        return new_head + data[at:]
    return new_head + await transcode(data, at, message.encoding, encoding, bounds)


async def check_end(message: ThriftRequest | ThriftReply, bounds: Bounds) -> None:
    """Raise `Malformed` unless a message that came in a frame ends where its frame does, as one without a frame must."""
    body = message.body
    if isinstance(body, Frame):
        await check_struct(message, body, bounds)


async def check_struct(message: ThriftRequest | ThriftReply, body: Message, bounds: Bounds) -> None:
    """Raise `Malformed` unless the struct of a message, which is in `body`, is sound and ends where that does."""
    at = message.head.at
    if not is_sound(message.encoding, body.data, at, bounds):
        await check(message.encoding, body.data, at, bounds)


def with_frame(message: bytes, *, is_framed: bool) -> bytes:
    """Return a message as its transport wants it."""
    return framed(message) if is_framed else message
