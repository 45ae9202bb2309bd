"""How the tests drive an engine of the HTTP/1.1 codec: bytes in pieces in, all that it makes of them out."""

import random
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import attrs

from mesh import Fields, Limits, RemoteProtocolError
from mesh_plugins.http1.head import ClientEngine, ReplyHead, RequestHead, ServerEngine
from mesh_plugins.http1.reference import ReferenceClient, ReferenceServer
from mesh_plugins.http1.wire import FastClient, FastServer

SERVERS: dict[str, Callable[[Limits], ServerEngine]] = {"fast": FastServer, "reference": ReferenceServer}
CLIENTS: dict[str, Callable[[Limits], ClientEngine]] = {"fast": FastClient, "reference": ReferenceClient}
HOST: Fields = [(b"host", b"a.test")]

Head = TypeVar("Head", RequestHead, ReplyHead)


@attrs.frozen
class Message(Generic[Head]):
    """A message that came as a whole."""

    head: Head
    content: bytes = b""
    trailers: Fields = attrs.field(factory=list)


@attrs.frozen
class Reading(Generic[Head]):
    """All that came of some bytes: whole messages, the head of one that is not, the status of a refusal."""

    whole: list[Message[Head]]
    begun: Head | None = None
    refused: int | None = None


def read_requests(server: ServerEngine, pieces: Iterable[bytes]) -> Reading[RequestHead]:
    """Feed the pieces, take every request, and answer each without a body; `b""` is the end of the connection."""
    whole: list[Message[RequestHead]] = []
    head: RequestHead | None = None
    content = b""
    try:
        for piece in pieces:
            server.feed(piece)
            while True:
                if head is None and (head := server.read_head()) is None:
                    break
                part = server.read_body()
                if part is None:
                    break
                content += part
                if part:
                    continue
                whole.append(Message(head, content, server.trailers()))
                server.write_head(200, b"OK", [], 0, keep_alive=True)
                server.next_message()
                head = None
                content = b""
    except RemoteProtocolError as error:
        return Reading(whole, head, error.status)
    return Reading(whole, head)


def read_reply(client: ClientEngine, pieces: Iterable[bytes], method: bytes = b"GET") -> Reading[ReplyHead]:
    """Send a request without a body, feed the pieces, and take its reply, interim ones first."""
    whole: list[Message[ReplyHead]] = []
    head: ReplyHead | None = None
    content = b""
    is_over = False
    try:
        client.write_head(method, b"/", HOST, 0)
        client.write_end([])
        for piece in pieces:
            client.feed(piece)
            while head is None and (found := client.read_head()) is not None:
                if found.status < 200:
                    whole.append(Message(found))
                else:
                    head = found
            while head is not None and not is_over and (part := client.read_body()) is not None:
                content += part
                is_over = not part
        if head is not None and is_over:
            whole.append(Message(head, content, client.trailers()))
            head = None
    except RemoteProtocolError as error:
        return Reading(whole, head, error.status)
    return Reading(whole, head)


def cuttings(octets: bytes, *, bytewise_up_to: int = 4096, random_cuts: int = 5) -> Iterator[list[bytes]]:
    """Yield the same octets whole, one by one unless they are many, and cut at seeded random places."""
    yield [octets]
    if len(octets) <= bytewise_up_to:
        yield [octets[at : at + 1] for at in range(len(octets))]
    for seed in range(random_cuts):
        places = sorted(random.Random(seed).sample(range(len(octets)), min(len(octets), 8)))
        yield [
            octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True) if start < end
        ]
