"""Branch point two: binds the logical name, and builds the client stack once per bound name.

Theory of operation. Each path stack watches the binding of its name without an override; whenever that changes, the
*choice* is made anew: the client stack of the one bound name, or a table to draw one from by weight, each held by a
lease. A request takes what the choice gives now, one draw per attempt. Names with an override are bound in cells of
their own. Client stacks are shared by all paths of the router. Waiting for a first answer is bounded by the binding
timeout; after a first good answer the last good one is kept whatever happens to discovery.
"""

import logging
import random
from collections.abc import Awaitable, Callable, Mapping

import attrs
import trio

from mesh import (
    BOUND,
    EMPTY_DTAB,
    EMPTY_PATH,
    INTERPRETER,
    LIFE,
    METRICS,
    ONE_SHOT,
    PATH,
    AliasTable,
    AnyService,
    BindingTimeout,
    BoundName,
    Branch,
    BranchCounts,
    Branches,
    ClientState,
    Dtab,
    Failed,
    Interpreter,
    Leaf,
    Life,
    Make,
    Module,
    NameTree,
    Param,
    Params,
    Pending,
    Readable,
    Reply,
    Request,
    Union,
    Unroutable,
    alias_table,
    held,
    within,
)
from mesh_plugins.kept import Kept
from mesh_plugins.router import CACHE_SIZES, count
from mesh_plugins.unroutable import unroutable_text

logger = logging.getLogger(__name__)

BINDING_SECONDS = Param(10.0, "binding timeout")


def _same(params: Params, _name: BoundName) -> Params:
    return params


CLIENT_PARAMS: Param[Callable[[Params, BoundName], Params]] = Param(_same, "client params")
"""What the settings add for one bound name."""


ShowBalancer = Callable[[], Mapping[str, object]]
"""Returns the state of a balancer, as JSON."""


def _nobody(_shown: ShowBalancer) -> None:
    """Stand in for whoever shows the balancers of a router."""


ON_SHOWN: Param[Callable[[ShowBalancer], None]] = Param(_nobody, "on shown")
"""Told by each balancer that is built how its state can be seen."""


class Clients:
    """The client stacks of a router, by bound id. Filled by the binding of whichever path needs one first.

    `source` draws among the names of unions, for every path of the router. `overrides` counts what became of the bindings
    of its paths by override.
    """

    __slots__ = ("_balancers", "_rest", "branches", "overrides", "source")

    def __init__(self, params: Params, source: random.Random | None = None) -> None:
        self._rest: Make | None = None
        self._balancers: dict[BoundName, ShowBalancer] = {}
        self.source = source or random.Random()
        sizes, settle = params[CACHE_SIZES], params[CLIENT_PARAMS]

        def build(name: BoundName, life: Life, one_shot: bool) -> AnyService:
            if self._rest is None:
                raise LookupError("no binding has said how client stacks are built")
            below = settle(params.put(BOUND, name).put(LIFE, life).put(ONE_SHOT, one_shot), name)
            return self._rest(below if one_shot else below.put(ON_SHOWN, lambda shown: self._show(name, life, shown)))

        self.branches: Branches[BoundName] = Branches(
            params[LIFE], "client", build, capacity=sizes.clients, idle_seconds=sizes.idle_seconds
        )
        scope = params[METRICS].scope("bindcache", "client")
        count(scope, self.branches.counts)
        scope.gauge("active", fn=self.branches.__len__)
        self.overrides = BranchCounts()
        count(params[METRICS].scope("bindcache", "tree"), self.overrides)

    def get(self, name: BoundName, rest: Make) -> Branch:
        """Return the client stack of a bound name, whatever its residual."""
        self._rest = rest
        return self.branches.get(attrs.evolve(name, residual=EMPTY_PATH, addr=Kept(name.addr)))

    def _show(self, name: BoundName, life: Life, shown: ShowBalancer) -> None:
        self._balancers[name] = shown
        life.on_close(lambda: self._forget(name, shown))

    def _forget(self, name: BoundName, shown: ShowBalancer) -> None:
        if self._balancers.get(name) is shown:  # and not that of a later client stack of the same name
            del self._balancers[name]

    def states(self) -> list[ClientState]:
        """Return the state of every bound name in use."""
        return [
            ClientState(name, name.addr.value, shown() if (shown := self._balancers.get(name)) else {})
            for name, _branch in self.branches.items()
        ]


@attrs.frozen(eq=False)
class _Choice:
    """What a bound tree comes down to: names with their client stacks, leased; a table if there are several."""

    names: tuple[BoundName, ...]
    branches: tuple[Branch, ...]
    table: AliasTable | None

    def release(self) -> None:
        for branch in self.branches:
            branch.release()


class _Cell:
    """The binding of one path with one override: watches its tree, keeps the choice. `error` is set if there is none.

    A choice whose client stacks cannot be built is no choice: the one before stays, or the next request tries again and
    gets the error.
    """

    __slots__ = ("_binding", "_tree", "_unwatch", "choice", "error")

    def __init__(self, binding: "Binding", tree: Readable[Pending | Failed | NameTree[BoundName]]) -> None:
        self._binding = binding
        self._tree = tree
        self.choice: _Choice | None = None
        self.error: Unroutable | None = None
        self._unwatch = tree.watch(self._changed)
        self._changed()

    def _changed(self) -> None:
        try:
            self.choose()
        except Exception:
            kept = "it is tried again" if self.choice is None else "the one before is kept"
            logger.exception("a binding of %s cannot be used; %s", self._binding.path, kept)

    def choose(self) -> None:
        """Make the choice anew. Raises what building a client stack raises."""
        tree = self._tree.value
        choice, error = None, None
        match tree:
            case Pending():
                pass
            case Failed(cause):
                error = Unroutable(cause)
            case _:
                choice = self._binding.choose(tree)
                if choice is None:
                    error = Unroutable("")
        now = self._tree.value
        if now is not tree and now != tree:  # building it changed the tree, and the choice has followed that already
            if choice is not None:
                choice.release()
            return
        before, self.choice, self.error = self.choice, choice, error
        if before is not None:
            before.release()  # after the new leases are taken, so that a client stack that stays is not closed

    async def wait(self) -> None:
        """Wait until the tree is not pending, at most `binding.seconds`."""
        with trio.move_on_after(self._binding.seconds):
            await self._tree.wait(lambda tree: not isinstance(tree, Pending))

    @property
    def is_pending(self) -> bool:
        """Whether nothing is known yet."""
        return isinstance(self._tree.value, Pending)

    def close(self) -> None:
        self._unwatch()
        if self.choice is not None:
            self.choice.release()
            self.choice = None


class Binding:
    """The service below a path stack; see the module for how it works. Raises `Unroutable` and `BindingTimeout`."""

    __slots__ = ("_cell", "_clients", "_interpreter", "_overrides", "_rest", "_source", "path", "seconds")

    def __init__(self, params: Params, rest: Make, interpreter: Interpreter, clients: Clients) -> None:
        sizes = params[CACHE_SIZES]
        self.path = params[PATH]
        self.seconds = params[BINDING_SECONDS]
        self._rest = rest
        self._interpreter = interpreter
        self._clients = clients
        self._source = clients.source
        self._cell = _Cell(self, held(interpreter.bind(EMPTY_DTAB, self.path)))
        self._overrides: Branches[Dtab] = Branches(
            params[LIFE],
            f"override of {self.path}",
            self._bind_override,
            capacity=sizes.trees,
            idle_seconds=sizes.idle_seconds,
            counts=clients.overrides,
        )
        params[LIFE].on_close(self._cell.close)

    def choose(self, tree: NameTree[BoundName]) -> _Choice | None:
        """Lease the client stacks of a tree's leaves; None if it has none."""
        leaves = tuple(_weighted(tree, 1.0))
        if not leaves:
            return None
        table = alias_table([weight for _name, weight in leaves]) if len(leaves) > 1 else None
        branches: list[Branch] = []
        try:
            for name, _weight in leaves:
                branch = self._clients.get(name, self._rest)
                branch.in_use += 1
                branches.append(branch)
        except BaseException:
            for branch in branches:
                branch.release()
            raise
        return _Choice(tuple(name for name, _weight in leaves), tuple(branches), table)

    def __call__(self, request: Request, /) -> Awaitable[Reply]:
        local = request.context.local_dtab
        if local is not None:
            return self._overrides.get(local)(request)
        choice = self._cell.choice  # as in `_send`, whose call would take 500 instructions
        return self._draw(choice, request) if choice is not None else self._when_bound(self._cell, request)

    def _send(self, cell: _Cell, request: Request) -> Awaitable[Reply]:
        choice = cell.choice
        return self._when_bound(cell, request) if choice is None else self._draw(choice, request)

    def _draw(self, choice: _Choice, request: Request) -> Awaitable[Reply]:
        index = 0 if choice.table is None else choice.table.draw(self._source)
        request.context.bound = choice.names[index]
        return choice.branches[index](request)

    async def _when_bound(self, cell: _Cell, request: Request) -> Reply:
        return await self._draw(await self._wait(cell, request), request)

    async def _wait(self, cell: _Cell, request: Request) -> _Choice:
        if cell.error is None:
            await within(request.context.expiry, cell.wait)
        if cell.choice is None and cell.error is None and not cell.is_pending:
            cell.choose()
        if cell.choice is not None:
            return cell.choice
        local = request.context.local_dtab or EMPTY_DTAB
        if cell.error is None:
            raise BindingTimeout(f"exceeded {self.seconds:g} s binding timeout while resolving name: {self.path}")
        cause = str(cell.error)
        raise Unroutable(unroutable_text(self._interpreter, local, self.path, cause))

    def _bind_override(self, local: Dtab, life: Life, _one_shot: bool) -> AnyService:
        cell = _Cell(self, held(self._interpreter.bind(local, self.path)))
        life.on_close(cell.close)

        def send(request: Request, /) -> Awaitable[Reply]:
            return self._send(cell, request)

        return send


def _weighted(tree: NameTree[BoundName], weight: float) -> list[tuple[BoundName, float]]:
    """Return the leaves of a bound tree, nested unions multiplied out."""
    match tree:
        case Leaf(name):
            return [(name, weight)]
        case Union(branches):
            total = sum(branch.weight for branch in branches)
            even = 1.0 / len(branches)  # where every weight is zero; only `total` tells
            return [
                leaf
                for branch in branches
                for leaf in _weighted(branch.tree, weight * (branch.weight / total if total else even))
            ]
        case _:
            return []


CLIENTS: Param[Clients | None] = Param(None, "clients")
"""The client stacks of the router; made by the router's protocol, so that they outlive the path stacks."""


def binding(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Binding`."""
    clients = params[CLIENTS]
    if clients is None:
        raise LookupError("the binding needs the router's clients")
    return Binding(params, rest, params[INTERPRETER], clients).__call__


BINDING = Module(
    "binding",
    binding,
    above=("balancer",),
    why="endpoints are known only once the name is bound",
    branch="per bound name",
    section="service",
)
