"""Branch point one: names each request, and builds the path stack once per logical name."""

from collections.abc import Awaitable, Callable

import attrs

from mesh import (
    LIFE,
    METRICS,
    ONE_SHOT,
    PATH,
    AnyService,
    BranchCounts,
    Branches,
    Life,
    Make,
    Metrics,
    Module,
    Param,
    Params,
    Path,
    Reply,
    Request,
    Unidentified,
)

Identifier = Callable[[Request], Path]
"""Names a request, its prefix included; raises `Unidentified` if the next identifier should be asked."""

IDENTIFIERS: Param[tuple[Identifier, ...]] = Param((), "identifiers")


@attrs.frozen
class CacheSizes:
    """How many path stacks, bindings by override of each path, and client stacks are kept, and for how long when idle."""

    paths: int = 1000
    trees: int = 1000
    clients: int = 1000
    idle_seconds: float = 600.0


CACHE_SIZES = Param(CacheSizes(), "cache sizes")


def _same(params: Params, _path: Path) -> Params:
    return params


PATH_PARAMS: Param[Callable[[Params, Path], Params]] = Param(_same, "path params")
"""What the settings add for one logical name."""


def identify(request: Request, identifiers: tuple[Identifier, ...]) -> Path:
    """Return the name the first identifier finds. Raises `Unidentified` with every reason if none does."""
    reasons = []
    for identifier in identifiers:
        try:
            return identifier(request)
        except Unidentified as error:
            reasons.append(str(error))
    raise Unidentified("; ".join(reasons))


class Router:
    """The service of the router; `branches` are its path stacks."""

    __slots__ = ("_find", "_identifiers", "_only", "branches")

    def __init__(self, branches: Branches[Path], identifiers: tuple[Identifier, ...]) -> None:
        self.branches = branches
        self._find = branches.find
        self._identifiers = identifiers
        self._only = identifiers[0] if len(identifiers) == 1 else None

    def __call__(self, request: Request, /) -> Awaitable[Reply]:
        only = self._only
        path = identify(request, self._identifiers) if only is None else only(request)
        request.context.path = path
        return (self._find(path) or self.branches.get(path))(request)


@attrs.define(eq=False)
class Paths:
    """The path stacks of a router; known once the router is built."""

    branches: Branches[Path] | None = None


PATHS: Param[Paths | None] = Param(None, "paths")
"""Where the router tells whoever made its params of its path stacks."""


def router(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Router`."""
    sizes, settle = params[CACHE_SIZES], params[PATH_PARAMS]

    def build(path: Path, life: Life, one_shot: bool) -> AnyService:
        return rest(settle(params, path).put(PATH, path).put(LIFE, life).put(ONE_SHOT, one_shot))

    branches = Branches(params[LIFE], "path", build, capacity=sizes.paths, idle_seconds=sizes.idle_seconds)
    scope = params[METRICS].scope("bindcache", "path")
    count(scope, branches.counts)
    scope.gauge("active", fn=branches.__len__)
    paths = params[PATHS]
    if paths is not None:
        paths.branches = branches
    return Router(branches, params[IDENTIFIERS]).__call__


def count(scope: Metrics, counts: BranchCounts) -> None:
    """Show what a cache of stacks has seen."""
    scope.counter("misses", fn=lambda: counts.misses)
    scope.counter("evicts", fn=lambda: counts.evicts)
    scope.counter("expires", fn=lambda: counts.expires)
    scope.counter("oneshots", fn=lambda: counts.oneshots)


ROUTER = Module(
    "router",
    router,
    above=("binding",),
    why="a request must have a name before the name can be bound",
    branch="per logical name",
    section="server",
)
