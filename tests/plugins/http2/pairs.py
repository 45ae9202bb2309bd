"""Two engines that speak to each other without a connection, and owners that note what they are told."""

from collections.abc import Callable
from typing import Any

import attrs

from mesh import Fields
from mesh_plugins.http2.engine import ConnectionOwner, Engine, ReplyHead, RequestHead, StreamOwner
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.reference import ReferenceClient, ReferenceServer
from mesh_plugins.http2.wire import FastClient, FastServer

NewEngine = Callable[[ConnectionOwner, Options, Callable[[], float]], Engine]
SERVERS: dict[str, NewEngine] = {"reference": ReferenceServer, "fast": FastServer}
CLIENTS: dict[str, NewEngine] = {"reference": ReferenceClient, "fast": FastClient}
HOST: Fields = [(b"host", b"a.test")]


@attrs.define(eq=False)
class Stream(StreamOwner):
    """Notes what comes on one stream, by name."""

    told: list[tuple[Any, ...]] = attrs.field(factory=list)

    def on_reply(self, head: ReplyHead) -> None:
        self.told.append(("reply", head.status, head.headers, head.size, head.ends))

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        self.told.append(("data", piece, cost, ends))

    def on_trailers(self, trailers: Fields) -> None:
        self.told.append(("trailers", trailers))

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.told.append(("reset", code, by_peer, unprocessed))

    def on_room(self) -> None:
        self.told.append(("room",))


@attrs.define(eq=False)
class Owner(ConnectionOwner):
    """Notes what comes on a connection, and owns the streams that the peer opens."""

    requests: dict[int, RequestHead] = attrs.field(factory=dict)
    streams: dict[int, Stream] = attrs.field(factory=dict)
    told: list[tuple[Any, ...]] = attrs.field(factory=list)

    def on_request(self, stream: int, head: RequestHead) -> StreamOwner:
        self.requests[stream] = head
        self.streams[stream] = Stream()
        return self.streams[stream]

    def on_limit(self, streams: int) -> None:
        self.told.append(("limit", streams))

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        self.told.append(("goaway", last, code))

    def on_pong(self, data: bytes) -> None:
        self.told.append(("pong", data))


def _now() -> float:
    return 0.0


class Pair:
    """A client and a server, of one kind, that have greeted each other."""

    def __init__(self, engine: str, *, client: Options | None = None, server: Options | None = None) -> None:
        self.asking, self.answering = Owner(), Owner()
        self.client = CLIENTS[engine](self.asking, client or Options(), _now)
        self.server = SERVERS[engine](self.answering, server or Options(), _now)
        self.exchange()

    def exchange(self) -> None:
        """Pass on what either has to say, until neither has."""
        while self.client.pending() or self.server.pending():
            self.server.feed(self.client.take_output())
            self.client.feed(self.server.take_output())

    def ask(
        self, method: bytes = b"GET", size: int | None = None, headers: Fields = HOST, *, ends: bool = True
    ) -> tuple[int, Stream]:
        """Begin a request; return its number and its owner."""
        owner = Stream()
        number = self.client.open(owner, method, b"/", b"http", headers, size, ends=ends)
        self.exchange()
        return number, owner
