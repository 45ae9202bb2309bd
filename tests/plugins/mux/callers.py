"""Callers of a session, and what its endpoint answers and sees."""

import attrs
import trio

from mesh import Buffered, Expiry, MeshError, Path
from mesh_plugins.mux import messages
from mesh_plugins.mux.calls import decode_dispatch, encode_answer
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import RDISPATCH, TDISPATCH
from tests.plugins.mux.ends import SessionBench


@attrs.define(eq=False)
class Caller:
    """A call in a task of its own."""

    scope: trio.CancelScope = attrs.field(factory=trio.CancelScope)
    reply: MuxReply | None = None
    error: MeshError | None = None

    async def call(self, bench: SessionBench, payload: bytes, expiry: Expiry | None) -> None:
        request = MuxRequest(Path.read("/web"), Buffered(payload))
        request.context.expiry = expiry
        with self.scope:
            try:
                self.reply = await bench.session(request)
            except MeshError as error:
                self.error = error

    @property
    def content(self) -> bytes | None:
        return None if self.reply is None else self.reply.body.buffered


def call(bench: SessionBench, payload: bytes = b"hi", expiry: Expiry | None = None) -> Caller:
    caller = Caller()
    bench.nursery.start_soon(caller.call, bench, payload, expiry)
    return caller


def answer(tag: int, payload: bytes = b"ok") -> bytes:
    return encode_answer(RDISPATCH, tag, MuxReply(0, payload).pack())


def seen(frames: list[str]) -> list[tuple[int, bytes]]:
    """Return the tags and payloads of calls."""
    found = []
    for data in map(bytes.fromhex, frames):
        assert data[4] == TDISPATCH
        found.append((int.from_bytes(data[5:8]), decode_dispatch(data[4:]).body.buffered or b""))
    return found


def discarded(frame: str) -> int:
    message = messages.decode(bytes.fromhex(frame)[4:])
    assert isinstance(message, messages.Discarded)
    return message.which
