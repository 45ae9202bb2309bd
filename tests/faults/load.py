"""Clients with a steady rate: GETs leave when they are due, whatever became of those before."""

import attrs
import trio

from tests.e2e.raw import Incomplete, RawConnection, request

PATIENCE_SECONDS = 10.0  # of a client, for the whole of a reply


@attrs.frozen
class Answer:
    """What became of one request.

    `planned` is when it was due, in seconds from the beginning; `seconds` from then to the end of the reply. `status` is 0 if
    no head came. `backend` says who answered. `broken`: the head came, and then the reply broke off for all to see.
    """

    planned: float
    seconds: float
    status: int
    backend: str = ""
    broken: bool = False

    @property
    def failed(self) -> bool:
        """Whether the client got no good reply, and not one that broke off after its head."""
        return self.status != 200 and not self.broken


@attrs.define(eq=False)
class Load:
    """Sends `rate` requests per second to `port` over keep-alive connections, from `run` on until it is cancelled."""

    port: int
    rate: float
    answers: list[Answer] = attrs.field(factory=list)
    started: float = 0.0
    _idle: list[RawConnection] = attrs.field(factory=list)

    @property
    def now(self) -> float:
        """The seconds since the beginning."""
        return trio.current_time() - self.started

    async def run(self) -> None:
        """Send requests when they are due; a reply that is still awaited at the end is nobody's failure."""
        self.started = trio.current_time()
        number = 0
        try:
            async with trio.open_nursery() as nursery:
                while True:
                    await trio.sleep_until(self.started + number / self.rate)
                    nursery.start_soon(self._ask, number / self.rate)
                    number += 1
        finally:
            for connection in self._idle:
                connection.close()

    async def _ask(self, planned: float) -> None:
        try:
            connection = self._idle.pop() if self._idle else await self._connect()
        except OSError:
            self.answers.append(Answer(planned, self.now - planned, 0))
            return
        status, backend, goes_on = 0, "", False
        try:
            await connection.send(request())
            head = await connection.head()
            if head is not None:
                status, backend = head.status, (head.value(b"x-backend") or b"").decode()
                async for piece in connection.body(head):
                    head.body += piece
                goes_on = head.value(b"connection") != b"close"
            self.answers.append(Answer(planned, self.now - planned, status, backend))
        except (Incomplete, trio.BrokenResourceError, trio.TooSlowError):
            self.answers.append(Answer(planned, self.now - planned, status, backend, broken=status != 0))
        finally:
            if goes_on:
                self._idle.append(connection)
            else:
                connection.close()

    async def _connect(self) -> RawConnection:
        return RawConnection(await trio.open_tcp_stream("127.0.0.1", self.port), PATIENCE_SECONDS)
