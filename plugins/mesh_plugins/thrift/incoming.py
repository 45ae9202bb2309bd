"""What comes from an endpoint: messages, and the replies in them."""

from collections.abc import Callable

import trio

from mesh import Connection
from mesh_plugins.thrift.binary import new_head
from mesh_plugins.thrift.conversion import check_struct, converted
from mesh_plugins.thrift.framing import Messages
from mesh_plugins.thrift.message import BINARY, Encoding, Frame, Message, ThriftReply, ThriftRequest, encoding_of
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.ttwitter import read_response_header
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import EXCEPTION, REPLY, Head, Incomplete, Malformed

RESULT = BINARY.write_head(REPLY, b"", 0)[:4]
"""How a result begins."""
PIECE = 262144  # bytes asked for at once while a reply is coming


async def next_message(connection: Connection, messages: Messages, due: Callable[[], float]) -> Message:
    """Return the next message, of which a part may have been fed. The wait for each piece ends at `due()`.

    Raises `Malformed`, and `trio.BrokenResourceError` if the connection ends before.
    """
    while (message := messages.take()) is None:
        if messages.is_paused:
            await trio.lowlevel.checkpoint()
            continue
        connection.deadline = due()
        data = await connection.receive_some(PIECE)
        if not data:
            raise trio.BrokenResourceError("closed before it replied")
        messages.feed(data)
    return message


def head_of(encoding: Encoding, message: Message) -> Head:
    """Return the head of a whole message. Raises `Malformed`."""
    try:
        return encoding.read_head(message.data, message.start)
    except Incomplete:
        raise Malformed("a frame ends in the middle of a message's head") from None


def reply_in(message: Message, encoding: Encoding, bounds: Bounds, *, is_upgraded: bool) -> ThriftReply:
    """Return the reply in a message, whichever call it is for. Raises `Malformed`."""
    contexts, start = None, message.start
    if is_upgraded:
        contexts, start = read_response_header(encoding, message.data, start, bounds)
        message = Message(message.data, start)
    head = head_of(encoding, message)
    if head.kind not in (REPLY, EXCEPTION):
        raise Malformed(f"a message of the kind {head.kind} in answer to a call")
    return ThriftReply(encoding_of(message.data, start), head, message, contexts)


def echoing(message: Message, request: ThriftRequest, call: bytes) -> ThriftReply | None:
    """Return the reply in a message whose head is that of its call, but for the kind, as good ones are; else None.

    Both have a frame, and `BINARY` is the call's encoding. That takes 1,500 instructions; reading the head takes 5,500.
    """
    _kind, name, seqid, at = request.head
    data = message.data
    if data[4:8] != RESULT or data[8:at] != call[8:at]:
        return None
    return ThriftReply(BINARY, new_head(Head, (REPLY, name, seqid, at)), message)


def is_answer(reply: Head, asked: Head) -> bool:
    """Return whether a reply has the sequence id of its call, and its name, if any; that of a service may be missing."""
    return reply.seqid == asked.seqid and reply.name in (asked.name, asked.name.rpartition(b":")[2], b"")


def check_name(reply: Head, asked: Head) -> None:
    """Raise `Malformed` for a reply that is another method's.

    An exception may bear any name. That of a multiplexed service may be missing: Apache's `TMultiplexedProcessor` strips it.
    """
    name = reply.name
    if reply.kind == REPLY and name != asked.name and asked.name.rpartition(b":")[2] != name:
        raise Malformed(f"a reply of the method {name[:64]!r} to a call of {asked.name[:64]!r}")


async def fitted(reply: ThriftReply, request: ThriftRequest, peer: Peer, bounds: Bounds) -> ThriftReply:
    """Return a reply with its values as the client has them, so that nothing can be found wrong with it on its way there.

    A client whose messages are not framed must find its end, too. Raises `Malformed`, which is the endpoint's fault.
    """
    body, asked = reply.body, request.body
    if not reply.encoding.has_structs_of(request.encoding):
        data = await converted(reply, request.encoding, request.head.seqid, bounds)
        return ThriftReply(request.encoding, request.encoding.read_head(data, 0), Message(data), reply.contexts)
    if peer.is_framed and isinstance(body, Message) and not isinstance(asked, Frame):
        await check_struct(reply, body, bounds)
    return reply
