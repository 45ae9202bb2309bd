"""A server and a client of gRPC by its own library, which speaks C and runs in threads of its own.

The messages are plain bytes, so that no code has to be made for them. A call says in its metadata what the server is to do.
"""

import contextlib
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import attrs
import grpc
import trio

T = TypeVar("T")

SERVICE = "test.Echo"
UNARY, COLLECT, SPLIT, CHAT = (f"/{SERVICE}/{method}" for method in ("Unary", "Collect", "Split", "Chat"))
UNLIMITED = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
PATIENCE = 60.0  # seconds that anything here waits for anything

Metadata = dict[str, Any]


@attrs.frozen
class Seen:
    """A call as the server saw it; `left` is how many seconds it had, None for no deadline."""

    method: str
    metadata: Metadata
    left: float | None


@attrs.define(eq=False)
class Backend:
    """A server: `Unary` and `Chat` return what they get, `Collect` all of it at once, `Split` in pieces of `x-piece` bytes.

    Metadata: `x-fail` is a status to end with, `x-times` in how many calls alone; `x-wait`: do not answer until the client has
    gone, which is counted in `cancelled`. What begins with `x-echo` is returned, as initial and as trailing metadata.
    """

    port: int = 0
    calls: list[Seen] = attrs.field(factory=list)
    cancelled: int = 0
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    failed: Counter[str] = attrs.field(factory=Counter)

    def unary(self, message: bytes, context: grpc.ServicerContext) -> bytes:
        self._begin(UNARY, context)
        return message

    def collect(self, messages: Iterable[bytes], context: grpc.ServicerContext) -> bytes:
        self._begin(COLLECT, context)
        return b"".join(messages)

    def split(self, message: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        metadata = self._begin(SPLIT, context)
        size = int(metadata.get("x-piece", 1))
        for place in range(0, len(message), size):
            yield message[place : place + size]
        self._maybe_fail(metadata, "x-fail-late", context)

    def chat(self, messages: Iterable[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        self._begin(CHAT, context)
        yield from messages

    def _begin(self, method: str, context: grpc.ServicerContext) -> Metadata:
        metadata = dict(context.invocation_metadata())
        echoed = [(name, value) for name, value in metadata.items() if name.startswith("x-echo")]
        with self.lock:
            self.calls.append(Seen(method, metadata, context.time_remaining()))
        if echoed:
            context.send_initial_metadata(echoed)
            context.set_trailing_metadata(echoed)
        self._maybe_fail(metadata, "x-fail", context)
        if "x-wait" in metadata:
            until = time.monotonic() + PATIENCE
            while context.is_active() and time.monotonic() < until:
                time.sleep(0.005)
            with self.lock:
                self.cancelled += not context.is_active()
        return metadata

    def _maybe_fail(self, metadata: Metadata, name: str, context: grpc.ServicerContext) -> None:
        if name not in metadata:
            return
        key = metadata.get("x-key", "")
        with self.lock:
            self.failed[key] += 1
            times = self.failed[key]
        if times <= int(metadata.get("x-times", 1000)):
            if "x-pushback" in metadata:
                context.set_trailing_metadata([("grpc-retry-pushback-ms", metadata["x-pushback"])])
            context.abort(grpc.StatusCode[metadata[name]], f"as asked: {metadata[name]} ☂")


def handlers(backend: Backend) -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        SERVICE,
        {
            "Unary": grpc.unary_unary_rpc_method_handler(backend.unary),
            "Collect": grpc.stream_unary_rpc_method_handler(backend.collect),
            "Split": grpc.unary_stream_rpc_method_handler(backend.split),
            "Chat": grpc.stream_stream_rpc_method_handler(backend.chat),
        },
    )


@contextlib.asynccontextmanager
async def backend(
    *more: Callable[[grpc.Server], object], options: list[tuple[str, Any]] | None = None
) -> AsyncIterator[Backend]:
    """Run a server inside the block; `more` add services to it."""
    serving = Backend()
    server = grpc.server(ThreadPoolExecutor(16), options=[*UNLIMITED, *(options or [])])
    server.add_generic_rpc_handlers((handlers(serving),))
    for add in more:
        add(server)
    serving.port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield serving
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(server.stop(0).wait)


@attrs.frozen(eq=False)
class Client:
    """A channel to a port; its methods run in threads, so that the linker goes on meanwhile."""

    channel: grpc.Channel

    async def unary(self, message: bytes = b"hello", **metadata: Any) -> bytes:
        return await self.run(lambda: self.call(UNARY, message, **metadata)[0])

    def call(
        self, method: str, message: bytes = b"", *, seconds: float = PATIENCE, **metadata: str | bytes
    ) -> tuple[bytes, grpc.Call]:
        """Make a unary call, and return its answer and the call; raises `grpc.RpcError`. Blocks."""
        answer: bytes
        answer, call = self.channel.unary_unary(method).with_call(message, seconds, _pairs(metadata))
        return answer, call

    def collect(self, *messages: bytes, **metadata: str) -> bytes:
        answer: bytes = self.channel.stream_unary(COLLECT)(iter(messages), PATIENCE, _pairs(metadata))
        return answer

    def split(self, message: bytes, *, seconds: float = PATIENCE, **metadata: str) -> Any:
        """Return the stream of answers, which is a call, too."""
        return self.channel.unary_stream(SPLIT)(message, seconds, _pairs(metadata))

    def chat(self, messages: Iterable[bytes], *, seconds: float = PATIENCE, **metadata: str) -> Any:
        return self.channel.stream_stream(CHAT)(iter(messages), seconds, _pairs(metadata))

    async def run(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, in a thread."""
        return await trio.to_thread.run_sync(work)

    async def fails(self, work: Callable[[], object]) -> tuple[str, str]:
        """Return the status with which a call fails, and its message."""

        def run() -> tuple[str, str]:
            try:
                work()
            except grpc.RpcError as error:
                return error.code().name, error.details() or ""
            return "OK", ""

        return await trio.to_thread.run_sync(run)


def _pairs(metadata: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name.replace("_", "-"), value) for name, value in metadata.items()]


@contextlib.asynccontextmanager
async def client(port: int) -> AsyncIterator[Client]:
    """Open a channel inside the block."""
    channel = grpc.insecure_channel(f"127.0.0.1:{port}", options=[*UNLIMITED, ("grpc.enable_retries", 0)])
    try:
        yield Client(channel)
    finally:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(channel.close)
