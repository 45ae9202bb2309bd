"""A client and an endpoint of HTTP/2 that say whatever a test wants, by the library h2 with its checks turned off."""

import contextlib
from collections.abc import AsyncIterator, Callable

import attrs
import h2.config
import h2.connection
import h2.events
import trio

Pairs = list[tuple[bytes, bytes]]


@attrs.define
class Message:
    """A message as it came over the wire. `reset` is the code of the reset that ended it; `alone`: it ended with its head."""

    headers: Pairs = attrs.field(factory=list)
    body: bytes = b""
    trailers: Pairs = attrs.field(factory=list)
    reset: int | None = None
    alone: bool = False

    def field(self, name: bytes) -> bytes | None:
        """Return a field of the trailers, or else of the headers."""
        return next((value for key, value in [*self.trailers, *self.headers] if key == name), None)


@attrs.frozen
class Said:
    """What an endpoint answers: a head, if there is any, a body, trailers unless they are None, and a reset by a code."""

    headers: Pairs
    body: bytes = b""
    trailers: Pairs | None = None
    reset: int | None = None


Answer = Callable[[Message], Said]


def _connection(*, client: bool) -> h2.connection.H2Connection:
    config = h2.config.H2Configuration(
        client_side=client,
        header_encoding=None,
        validate_inbound_headers=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    return h2.connection.H2Connection(config)


async def ask(port: int, headers: Pairs, body: bytes = b"", *, seconds: float = 5.0) -> Message:
    """Send a request and return the reply, complete or reset. Raises `trio.TooSlowError` if there is none."""
    answer, over = Message(), False
    with trio.fail_after(seconds):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            connection = _connection(client=True)
            connection.initiate_connection()
            connection.send_headers(1, headers, end_stream=not body)
            if body:
                connection.send_data(1, body, end_stream=True)
            while not over:
                await stream.send_all(connection.data_to_send())
                data = await stream.receive_some()
                if not data:
                    break
                for event in connection.receive_data(data):
                    over |= _take(answer, connection, event)
    return answer


def _take(message: Message, connection: h2.connection.H2Connection, event: h2.events.Event) -> bool:
    """Add what came to a message; return whether it is over."""
    match event:
        case h2.events.ResponseReceived() | h2.events.RequestReceived():
            message.headers = [(bytes(name), bytes(value)) for name, value in event.headers]
            message.alone = event.stream_ended is not None
        case h2.events.TrailersReceived():
            message.trailers = [(bytes(name), bytes(value)) for name, value in event.headers]
        case h2.events.DataReceived():
            message.body += event.data
            connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        case h2.events.StreamReset():
            message.reset = int(event.error_code)
            return True
        case h2.events.StreamEnded() | h2.events.ConnectionTerminated():
            return True
    return False


@attrs.define(eq=False)
class Endpoint:
    """An endpoint that answers each request as told, and remembers them."""

    answer: Answer
    port: int = 0
    requests: list[Message] = attrs.field(factory=list)

    async def serve(self, stream: trio.abc.Stream) -> None:
        connection, open_ = _connection(client=False), dict[int, Message]()
        connection.initiate_connection()
        async with stream:
            try:
                while True:
                    await stream.send_all(connection.data_to_send())
                    data = await stream.receive_some()
                    if not data:
                        return
                    for event in connection.receive_data(data):
                        self._take(connection, open_, event)
            except trio.BrokenResourceError:
                return

    def _take(self, connection: h2.connection.H2Connection, open_: dict[int, Message], event: h2.events.Event) -> None:
        number = getattr(event, "stream_id", None)
        if not number:
            return
        message = open_.setdefault(number, Message())
        if _take(message, connection, event):
            del open_[number]
            self.requests.append(message)
            if message.reset is None:
                _say(connection, number, self.answer(message))


def _say(connection: h2.connection.H2Connection, number: int, said: Said) -> None:
    ends = not said.body and said.trailers is None and said.reset is None
    if said.headers:
        connection.send_headers(number, said.headers, end_stream=ends)
    if said.body:
        connection.send_data(number, said.body, end_stream=said.trailers is None and said.reset is None)
    if said.trailers is not None:
        connection.send_headers(number, said.trailers, end_stream=True)
    elif said.reset is not None:
        connection.reset_stream(number, said.reset)


@contextlib.asynccontextmanager
async def endpoint(answer: Answer) -> AsyncIterator[Endpoint]:
    """Run an endpoint inside the block."""
    serving = Endpoint(answer)
    async with trio.open_nursery() as nursery:
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        serving.port = listeners[0].socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, serving.serve, listeners)
        yield serving
        nursery.cancel_scope.cancel()
