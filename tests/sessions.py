"""Sessions without a connection, and a bench to try a pool on."""

import attrs
import trio
import trio.testing

from mesh.codec import Session
from mesh.endpoint import Endpoint, Health
from mesh.errors import MeshError, Unavailable
from mesh.life import Life
from mesh.message import Reply, Request
from mesh.pool import Pool
from mesh.pool_limits import PoolLimits, PoolStats
from mesh.stream_connection import StreamConnection
from mesh.transport import Connection
from tests.waiting import settled

WEB = Endpoint("10.0.0.1", 80)


class FakeSession(Session):
    """A session whose calls are answered at once; a reply holds its place until it is closed."""

    def __init__(self, connection: Connection, capacity: int = 1) -> None:
        super().__init__(capacity)
        self.connection = connection
        self.most = capacity
        self.calls = 0
        self.usable = True

    async def __call__(self, request: Request, /) -> Reply:
        assert self.capacity > 0, "the pool overbooks a session"
        self.capacity -= 1
        self.calls += 1
        try:
            await trio.lowlevel.checkpoint()
        except BaseException:
            self.close()
            raise
        if self.closed:
            raise Unavailable("closed meanwhile")
        reply = Reply()
        reply.on_close(self._ended)
        return reply

    def _ended(self) -> None:
        if not self.closed:
            self.set_capacity(self.capacity + 1)

    def set_capacity(self, capacity: int) -> None:
        self.capacity = capacity
        self.on_change(self)

    def leave(self) -> None:
        """Take no further calls, as an endpoint asks for that drains."""
        self.leaving = True
        self.on_change(self)

    def is_usable(self) -> bool:
        return not self.closed and self.usable

    def is_idle(self) -> bool:
        return self.capacity == self.most

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self.connection.close()
            self.on_change(self)


@attrs.define(eq=False)
class Bench:
    """A pool over fake sessions; `outcomes` says how the next attempts to connect end, `seconds` how long they take."""

    nursery: trio.Nursery
    capacity: int = 1
    seconds: float = 0.0
    outcomes: list[MeshError | None] = attrs.field(factory=list)
    sessions: list[FakeSession] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    stats: PoolStats = attrs.field(factory=PoolStats)
    health: Health = attrs.field(factory=Health)
    life: Life = attrs.field(init=False)

    @life.default
    def _new_life(self) -> Life:
        return Life(self.nursery, "test")

    async def connect(self, endpoint: Endpoint) -> Connection:
        assert endpoint == WEB
        await trio.sleep(self.seconds)
        outcome = self.outcomes.pop(0) if self.outcomes else None
        if outcome is not None:
            raise outcome
        self.connections.append(StreamConnection(trio.testing.memory_stream_pair()[0]))
        return self.connections[-1]

    def begin(self, connection: Connection, _life: Life) -> Session:
        self.sessions.append(FakeSession(connection, self.capacity))
        return self.sessions[-1]

    def pool(self, limits: PoolLimits | None = None) -> Pool:
        built = Pool(WEB, self.begin, self.connect, limits or PoolLimits(), self.stats, self.health, self.life)
        self.life.on_close(built.close)
        return built

    @property
    def calls(self) -> list[int]:
        """How many calls each session has had, in the order in which they were opened."""
        return [session.calls for session in self.sessions]


class Caller:
    """A call in a task of its own: what came of it, and its scope, to cancel it."""

    def __init__(self, nursery: trio.Nursery, service: Pool) -> None:
        self.reply: Reply | None = None
        self.error: MeshError | None = None
        self.scope = trio.CancelScope()
        nursery.start_soon(self._call, service)

    async def _call(self, service: Pool) -> None:
        with self.scope:
            try:
                self.reply = await service(Request())
            except MeshError as error:
                self.error = error

    @property
    def done(self) -> bool:
        return self.reply is not None

    async def close(self) -> None:
        assert self.reply is not None
        await self.reply.aclose()


async def callers(count: int, nursery: trio.Nursery, service: Pool) -> list[Caller]:
    """Start calls one after the other, so that they queue in order."""
    made = []
    for _ in range(count):
        made.append(Caller(nursery, service))
        await settled()
    return made


async def callers_at_once(count: int, nursery: trio.Nursery, service: Pool) -> list[Caller]:
    made = [Caller(nursery, service) for _ in range(count)]
    await trio.sleep(0.1)
    return made
