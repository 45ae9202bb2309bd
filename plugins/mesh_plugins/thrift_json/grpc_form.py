"""Calls of gRPC whose messages are JSON: what is in a request's body, and an answer as gRPC has it.

Source: grpc/grpc, doc/PROTOCOL-HTTP2.md; for the codes, googleapis/googleapis, google/rpc/code.proto, "HTTP Mapping".
"""

from mesh import HttpReply, RemoteProtocolError
from mesh_plugins.grpc.content import CONTENT_TYPE, trailers_only
from mesh_plugins.grpc.messages import MessageReader, encode
from mesh_plugins.grpc.status import Code, status_fields
from mesh_plugins.http.gathered import Trailed
from mesh_plugins.thrift_json.errors import refused

CODES = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    409: Code.ALREADY_EXISTS,
    412: Code.FAILED_PRECONDITION,
    413: Code.RESOURCE_EXHAUSTED,
    415: Code.UNIMPLEMENTED,
    422: Code.INVALID_ARGUMENT,
    429: Code.RESOURCE_EXHAUSTED,
    501: Code.UNIMPLEMENTED,
    502: Code.INTERNAL,
    503: Code.UNAVAILABLE,
    504: Code.DEADLINE_EXCEEDED,
}
"""What a status is called in gRPC; others are `UNKNOWN`, as exceptions are."""

GRPC_JSON = b"application/grpc+json"
NOTHING = b"null"  # what a method returns that returns nothing


def only_message(body: bytes) -> bytes:
    """Return the message in a body. Raises `Refused` if there is none, or more than one, or if it is compressed."""
    reader = MessageReader(len(body))
    try:
        messages = reader.feed(body)
        reader.end()
    except RemoteProtocolError as error:
        raise refused(400, str(error)) from None
    if len(messages) != 1 or messages[0].flags:
        raise refused(400, "a call has one message, which is not compressed")
    return messages[0].content


def as_grpc(answer: HttpReply) -> HttpReply:
    """Return an answer as one of gRPC: a message and trailers, or a status whose message is the JSON of the error."""
    content = answer.body.buffered or NOTHING
    if answer.status >= 300:
        return trailers_only(CODES.get(answer.status, Code.UNKNOWN), content.decode())
    reply = HttpReply(200, [(CONTENT_TYPE, GRPC_JSON)], Trailed(encode(content), status_fields(Code.OK)))
    reply.outcome = True
    return reply
