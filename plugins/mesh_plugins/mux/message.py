"""A call of Mux and its answer, as they travel through a stack."""

import struct

from mesh import EMPTY, Body, Buffered, Context, Dtab, Fields, Path, Reply, Request
from mesh_plugins.finagle import contexts as context_ids
from mesh_plugins.mux.wire import ERROR, NACK, OK

_LENGTH = struct.Struct(">H")


class MuxRequest(Request):
    """A call: `contexts` travel with it, `destination` is what it asks for, `deadline` the deadline that it brought, packed.

    `contexts` hold neither the trace, nor the deadline, nor the number of repeats, once the filter `contexts` has read them:
    those are written anew for each attempt. `dtab` is the override that it brought. `is_plain`: it came without contexts
    and destination (`Treq`), and is answered so. `method` is what people call it, once the identifier has named it: the
    destination that it came with, the method in ThriftMux.
    """

    __slots__ = ("contexts", "deadline", "destination", "dtab", "is_plain", "method")

    def __init__(
        self,
        destination: Path,
        body: Body = EMPTY,
        contexts: Fields | None = None,
        dtab: Dtab | None = None,
        context: Context | None = None,
        *,
        is_plain: bool = False,
    ) -> None:
        self.destination = destination
        self.body = body
        self.contexts: Fields = [] if contexts is None else contexts
        self.dtab = dtab
        self.context = Context() if context is None else context
        self.deadline: bytes | None = None
        self.is_plain = is_plain
        self.method = b""


class MuxReply(Reply):
    """An answer: `status` says whether the call was answered (`OK`), failed (`ERROR`) or was refused (`NACK`).

    The body of a failure is its text, and so is that of a refusal, which is not sent. `contexts` travel with the answer.
    """

    __slots__ = ("_came", "contexts", "status")

    def __init__(self, status: int = OK, body: Body | bytes = EMPTY, contexts: Fields | None = None) -> None:
        super().__init__(Buffered(body) if isinstance(body, bytes) else body)
        self.status = status
        self.contexts: Fields = [] if contexts is None else contexts
        self._came: tuple[bytes, int, Body, tuple[tuple[bytes, bytes], ...]] | None = None

    @classmethod
    def received(cls, packed: bytes, status: int, content: bytes, contexts: Fields) -> "MuxReply":
        """Return the answer that came as `packed`, as which it is passed on if nobody changes it."""
        reply = cls.__new__(cls)  # 0.3 µs less than to go through `Reply`
        reply._body = body = Buffered(content)
        reply._callbacks = None
        reply.closed = False
        reply.outcome = None
        reply.whole = True
        reply.status = status
        reply.contexts = contexts
        reply._came = (packed, status, body, tuple(contexts))
        return reply

    def pack(self) -> bytes:
        """Return the answer as it stands in an `Rdispatch`. Its body must be in memory."""
        contexts, came = self.contexts, self._came
        if came is not None and self._body is came[2] and self.status == came[1] and tuple(contexts) == came[3]:
            return came[0]
        content = b"" if self.status == NACK else self._body.buffered or b""
        head = bytes((self.status,)) + _LENGTH.pack(len(contexts))
        return head + context_ids.write(contexts) + content

    def pack_plain(self) -> bytes:
        """Return the answer as it stands in an `Rreq`, which has no contexts."""
        return bytes((self.status,)) + (b"" if self.status == NACK else self._body.buffered or b"")


def failed(text: str, contexts: Fields | None = None) -> MuxReply:
    """Return the answer that says what went wrong."""
    reply = MuxReply(ERROR, text.encode(), contexts)
    reply.outcome = False
    return reply
