"""Calls of all kinds, a third of which end before their time, and the account of what became of each."""

import random
from collections import Counter

import attrs
import trio

from mesh import Fields
from mesh_plugins.http2.engine import CANCEL, ReplyHead, RequestHead
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.wire import FastClient
from tests.soak.endpoint import LARGE, SMALL
from tests.soak.ends import End

PATIENCE_SECONDS = 20.0  # a call that says nothing for so long hangs: that is what must not happen
DOINGS = {
    b"ok": 40,
    b"slow": 6,
    b"large": 6,
    b"trailers": 8,
    b"early": 6,
    b"reset-early": 8,
    b"reset-late": 6,
    b"silent": 4,
}
BODIES = (0, 0, 0, 100, 3000, 150_000)
CANCEL_SHARE = 0.16
LEFT = "left with its connection"


@attrs.define(eq=False)
class Call:
    """The owner of a call's stream: what has come, and the event that tells of more."""

    connection: "Caller"
    do: bytes
    body: bytes
    number: int = 0
    status: int = 0
    received: int = 0
    trailers: Fields | None = None
    reset: int | None = None
    is_whole: bool = False
    news: trio.Event = attrs.field(factory=trio.Event)

    def on_reply(self, head: ReplyHead) -> None:
        self.status = head.status
        self._tell(ends=head.ends)

    def on_data(self, piece: bytes, cost: int, *, ends: bool) -> None:
        self.received += len(piece)
        self.connection.engine.consumed(self.number, cost)
        self._tell(ends=ends)

    def on_trailers(self, trailers: Fields) -> None:
        self.trailers = trailers
        self._tell(ends=True)

    def on_reset(self, code: int, *, by_peer: bool, unprocessed: bool) -> None:
        self.reset = code
        self._tell(ends=False)

    def on_room(self) -> None:
        self.send()

    def send(self) -> None:
        """Send what there is room for."""
        if self.body:
            sent = self.connection.engine.send_data(self.number, self.body, ends=True)
            self.body = self.body[sent:]
            self.connection.end.flush()

    def _tell(self, *, ends: bool) -> None:
        self.is_whole = self.is_whole or ends
        self.news.set()
        self.news = trio.Event()

    @property
    def is_over(self) -> bool:
        return self.is_whole or self.reset is not None

    def outcome(self) -> str:
        """Say what became of a call that was let run to its end; anything that begins with `wrong` is a fault."""
        if not self.is_whole:
            return (
                "reset by the endpoint"
                if self.do == b"reset-late"
                else f"wrong: {self.do.decode()} was reset with {self.reset}"
            )
        if self.do == b"reset-early":
            return "refused by the proxy" if self.status == 502 else f"wrong: reset-early was answered {self.status}"
        expected = len(LARGE) if self.do == b"large" else len(SMALL)
        if self.status != 200 or (self.received != expected and self.do != b"reset-late"):
            return f"wrong: {self.do.decode()} was answered {self.status} with {self.received} bytes"
        if (self.trailers is not None) != (self.do == b"trailers"):
            return f"wrong: {self.do.decode()} had trailers {self.trailers}"
        return "answered"


class Caller:
    """One connection with the proxy, whose calls are made by several workers; it ends without a word as call `last` begins."""

    def __init__(
        self, stream: trio.SocketStream, source: random.Random, account: Counter[str], last: int | None = None
    ) -> None:
        self.engine = FastClient(self, Options(), trio.current_time)
        self.end = End(stream, self.engine)
        self.is_over = False
        self._until_last = last
        self._random = source
        self._account = account

    async def work(self, calls: int) -> None:
        """Make so many calls, one after the other."""
        for _ in range(calls):
            self._account[await self._call()] += 1

    async def _call(self) -> str:
        source = self._random
        if self._until_last is not None:
            self._until_last -= 1
            if self._until_last == 0:
                await trio.aclose_forcefully(self.end.stream)
        if self.is_over:
            return self._left_or("wrong: the connection had ended")
        do = source.choices(list(DOINGS), list(DOINGS.values()))[0]
        call = Call(self, do, b"b" * source.choice(BODIES))
        fields = [(b"host", b"soak.test"), (b"x-do", do), (b"x-request-id", b"%x" % source.getrandbits(64))]
        method = b"POST" if call.body else b"GET"
        size = len(call.body) if source.random() < 0.5 and call.body else None
        call.number = self.engine.open(call, method, b"/", b"http", fields, size, ends=not call.body)
        call.send()
        self.end.flush()
        cancels_after = source.randrange(4) if do == b"silent" or source.random() < CANCEL_SHARE else None
        return await self._finish(call, cancels_after)

    async def _finish(self, call: Call, cancels_after: int | None) -> str:
        """Wait for the end of a call, or end it after so many pieces of news, or a moment without any."""
        seen = 0
        with trio.move_on_after(PATIENCE_SECONDS):
            while not call.is_over:
                if cancels_after is not None and seen >= cancels_after:
                    return self._cancel(call)
                with trio.move_on_after(0.002 if cancels_after is not None else PATIENCE_SECONDS):
                    await call.news.wait()
                seen += 1
            if call.body and call.reset is None:
                self.engine.reset(call.number, CANCEL)  # the answer came before all was sent.
            return self._left_or(call.outcome())
        return f"wrong: {call.do.decode()} hangs"

    def _left_or(self, outcome: str) -> str:
        """Return what became of a call, which may be that its connection went."""
        has_left = self._until_last is not None and self._until_last <= 0
        return LEFT if has_left and outcome.startswith("wrong") else outcome

    def _cancel(self, call: Call) -> str:
        self.engine.reset(call.number, CANCEL)
        self.end.flush()
        return "cancelled"

    def on_request(self, stream: int, head: RequestHead) -> Call:
        raise AssertionError("a request on a client")

    def on_limit(self, streams: int) -> None:
        """There are fewer workers than any server allows."""

    def on_goaway(self, last: int, code: int, debug: bytes) -> None:
        self._account[f"wrong: goaway {code} {debug.decode('latin-1')}"] += 1

    def on_pong(self, data: bytes) -> None:
        """Nothing was asked."""
