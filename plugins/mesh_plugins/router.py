"""Branch point one: names each request, and builds the path stack once per logical name."""

from collections.abc import Callable

from mesh import (
    LIFE,
    PATH,
    AnyService,
    Branches,
    Life,
    Make,
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
CACHE_SIZES: Param[tuple[int, int, float]] = Param((1000, 1000, 600.0), "cache sizes")
"""How many path stacks and client stacks are kept, and for how many idle seconds."""


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

    async def __call__(self, request: Request, /) -> Reply:
        only = self._only
        path = identify(request, self._identifiers) if only is None else only(request)
        request.context.path = path
        branch = self._find(path) or self.branches.get(path)
        branch.in_use += 1
        branch.used = True
        try:
            reply: Reply = await branch.service(request)
        except BaseException:
            branch.release()
            raise
        reply.on_close(branch.release)
        return reply


def router(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of the stack; see `Router`."""
    paths, _clients, idle_seconds = params[CACHE_SIZES]

    def build(path: Path, life: Life, one_shot: bool) -> AnyService:
        return rest(params.put(PATH, path).put(LIFE, life).put(ONE_SHOT, one_shot))

    branches = Branches(params[LIFE], "path", build, capacity=paths, idle_seconds=idle_seconds)
    built = Router(branches, params[IDENTIFIERS])
    for seen in params[ROUTERS]:
        seen(built)
    return built.__call__


ROUTERS: Param[tuple[Callable[[Router], None], ...]] = Param((), "routers")
"""Told of each router that is built, so that admin pages can look into it."""
ONE_SHOT = Param(False, "one shot")
"""Whether the stack is built for a single request because the cache is full; its metrics are counted as `other`."""

ROUTER = Module(
    "router",
    router,
    above=("binding",),
    why="a request must have a name before the name can be bound",
    branch="per logical name",
    section="server",
)
