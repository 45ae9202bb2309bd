"""From settings to routers: everything that a stack file asks for, built without opening a socket."""

import itertools
from collections.abc import Callable, Sequence

import attrs

from mesh.codec import Serve
from mesh.errors import ConfigError, PluginError, Problem
from mesh.keys import Category
from mesh.life import LIFE, Life
from mesh.linker.editing import edited
from mesh.linker.making import below, collected, made
from mesh.metrics import Metrics
from mesh.naming.binding import DtabState
from mesh.naming.dtab import Dtab
from mesh.naming.interpreter import BASE_DTAB, INTERPRETER, NAMERS, SYSTEM_NAMER, Interpreter
from mesh.naming.namer import SYSTEM_PREFIX, Namer
from mesh.naming.path import Path
from mesh.naming.transformer import TRANSFORMER_PREFIX, TransformedInterpreter, Transformer, transformed
from mesh.params import Params
from mesh.plugins import Kinds, load
from mesh.pool import pool
from mesh.protocol import Parts
from mesh.service import AnyService
from mesh.settings import NamerSettings, RouterSettings, ServerSettings, StackFile, TransformerSettings
from mesh.span import SPAN_SINKS, SpanSink
from mesh.stack import Stack
from mesh.target import DST_PREFIX, METRICS, ROUTER_LABEL, SERVER_LABEL
from mesh.var import Fixed, Readable, Var


@attrs.frozen(eq=False)
class BuiltServer:
    """One listener, not listening yet: its settings, its service and what serves its connections; `life` owns its stack."""

    settings: ServerSettings
    label: str
    service: AnyService
    serve: Serve
    life: Life


@attrs.frozen(eq=False)
class BuiltRouter:
    """One router, ready to serve. `stack` is the list of modules as edited by the stack file, without the pool.

    `interpret` makes an interpreter like the router's with another base dtab, for explanations; it ends with the life it is
    given. `dtab` is the base dtab that the stacks bind by; whoever owns the assembly sets it. `life` owns all but the servers.
    """

    label: str
    settings: RouterSettings
    stack: Stack
    parts: Parts
    interpreter: Interpreter
    interpret: Callable[[Dtab, Life], Interpreter]
    metrics: Metrics
    service: AnyService
    servers: tuple[BuiltServer, ...]
    dtab: Var[DtabState]
    life: Life

    @property
    def span_sinks(self) -> tuple[SpanSink, ...]:
        """Who is told of the spans of its requests."""
        return self.parts.params[SPAN_SINKS]


@attrs.frozen(eq=False)
class BuiltNamer:
    """One namer, with the settings that it was made from; `life` owns what it has started.

    `transformed` is the namer with its answers changed as the settings say: the one to ask.
    """

    settings: NamerSettings | None
    prefix: Path
    namer: Namer
    transformed: Namer
    life: Life


@attrs.frozen(eq=False)
class Assembly:
    """All routers of a stack file, the namers they share, and the one of `/$`.

    `life` owns the life of each part, so that it can be handed on to the assembly that takes this one's place.
    """

    routers: tuple[BuiltRouter, ...]
    namers: tuple[BuiltNamer, ...]
    system: BuiltNamer | None
    life: Life

    def router(self, label: str) -> BuiltRouter | None:
        """Return the router of this label, if there is one."""
        return next((router for router in self.routers if router.label == label), None)


def assemble(
    settings: StackFile,
    kinds: Kinds,
    life: Life,
    metrics: Metrics,
    params: Params | None = None,
    before: Assembly | None = None,
) -> Assembly:
    """Build everything `settings` ask for, owned by a child of `life`; nothing listens yet, and namers answer when asked.

    `params` are handed to every stack, for tests. What `before` has built from the same settings is used again, and
    stays as it is until `mesh.linker.succession.succeed` is called. Raises `ConfigError` with all that the stacks
    themselves refuse: unknown roles, broken order rules, and what a kind's factory says; then nothing is left.
    """
    problems: list[Problem] = []
    first = Params() if params is None else params
    own = life.child("assembly")
    try:
        system = _system(kinds, own) if before is None or before.system is None else before.system
        built = () if before is None else before.namers
        above = first.put(LIFE, own).put(SYSTEM_NAMER, system.namer)
        namers = tuple(collected(problems, "namers", settings.namers, lambda namer: _namer(namer, own, built, above)))
        workshop = _Workshop(own, metrics, namers, system, first, before)
        routers = tuple(collected(problems, "routers", settings.routers, workshop.router))
        if problems:
            raise ConfigError(*problems)
    except BaseException:
        own.close()
        raise
    return Assembly(routers, namers, system, own)


def _namer(settings: NamerSettings, life: Life, built: Sequence[BuiltNamer], params: Params) -> BuiltNamer:
    same = next((namer for namer in built if namer.settings == settings), None)
    if same is not None:
        return same
    prefix = Path((b"#",)) + settings.path
    chosen = settings.chosen
    own = life.child(f"namer {prefix}")
    plain: Namer = made(chosen.kind, chosen.config, prefix, own)
    changed = transformed(plain, _transformers(settings.transformers, params.put(LIFE, own)))
    return BuiltNamer(settings, prefix, plain, changed, own)


def _transformers(settings: Sequence[TransformerSettings], params: Params) -> list[Transformer]:
    problems: list[Problem] = []
    found: list[Transformer] = collected(
        problems,
        "transformers",
        settings,
        lambda one: made(one.chosen.kind, one.chosen.config, TRANSFORMER_PREFIX + one.path, params),
    )
    if problems:
        raise ConfigError(*problems)
    return found


def _system(kinds: Kinds, life: Life) -> BuiltNamer:
    """Return the namer of `/$`, which needs no configuration."""
    kind = kinds.get(Category.NAMER, "system")
    if kind is None:
        raise ConfigError(Problem("no installed plugin brings the namer of /$ (the kind `system`)"))
    own = life.child("namer /$")
    namer: Namer = made(kind, None, SYSTEM_PREFIX, own)
    return BuiltNamer(None, SYSTEM_PREFIX, namer, namer, own)


@attrs.frozen(eq=False)
class _Workshop:
    """Builds the routers of one assembly, from what they share."""

    life: Life
    metrics: Metrics
    namers: tuple[BuiltNamer, ...]
    system: BuiltNamer
    first: Params
    before: Assembly | None

    def router(self, settings: RouterSettings) -> BuiltRouter:
        """Return the router that these settings ask for: the one from before, with other servers perhaps, if it does."""
        before = None if self.before is None else self.before.router(settings.label)
        if before is None or not self._is_as_before(before, settings):
            return self._new(settings)
        known = list(before.servers)
        servers = []
        for listener in settings.servers:
            same = next((server for server in known if server.settings == listener), None)
            if same is not None:
                known.remove(same)
            servers.append(same or self._server(listener, before.parts, before.stack, before.service))
        return attrs.evolve(before, settings=settings, servers=tuple(servers))

    def _is_as_before(self, before: BuiltRouter, settings: RouterSettings) -> bool:
        """Return whether a router differs in nothing but its dtab, which can be set, and its servers."""
        built = () if self.before is None else self.before.namers
        if list(map(id, built)) != list(map(id, self.namers)) or before.span_sinks != self.first[SPAN_SINKS]:
            return False
        return attrs.evolve(before.settings, dtab=settings.dtab, servers=settings.servers) == settings

    def _new(self, settings: RouterSettings) -> BuiltRouter:
        own = self.life.child(f"router {settings.label}")
        chosen = settings.interpreter.chosen
        naming = self.first.put(LIFE, own).put(SYSTEM_NAMER, self.system.namer)
        naming = naming.put(NAMERS, tuple((namer.prefix, namer.transformed) for namer in self.namers))
        try:
            transformers = _transformers(settings.interpreter.transformers, naming)
        except ConfigError as error:
            raise ConfigError(*below("interpreter", error)) from error

        def interpret(dtab: Readable[DtabState], life: Life) -> Interpreter:
            built: Interpreter = made(chosen.kind, chosen.config, naming.put(BASE_DTAB, dtab).put(LIFE, life))
            return TransformedInterpreter(built, transformers) if transformers else built

        dtab: Var[DtabState] = Var(settings.dtab)
        interpreter = interpret(dtab, own)
        scope = self.metrics.scope("rt", settings.label, label=True)
        own.on_close(scope.hold())
        if settings.originator or "originator" in scope.metrics:
            scope.gauge("originator").value = int(settings.originator)
        params = self.first.put(LIFE, own).put(METRICS, scope).put(ROUTER_LABEL, settings.label)
        params = params.put(DST_PREFIX, settings.dst_prefix).put(INTERPRETER, interpreter)
        parts: Parts = load(settings.protocol.kind)(settings, params)
        stack = edited(parts.stack, settings)
        stack.verify()
        service = Stack(tuple(stack)[_place(stack, settings) :]).build(parts.params, pool)
        return BuiltRouter(
            settings.label,
            settings,
            stack,
            parts,
            interpreter,
            lambda dtab, life: interpret(Fixed(dtab), life),
            scope,
            service,
            tuple(self._server(listener, parts, stack, service) for listener in settings.servers),
            dtab,
            own,
        )

    def _server(self, settings: ServerSettings, parts: Parts, stack: Stack, router: AnyService) -> BuiltServer:
        label = settings.label or f"{settings.ip}/{settings.port}"
        own = self.life.child(f"server {label}")
        own.on_close(parts.params[METRICS].scope("server", label, label=True).hold())
        params, serve = parts.server(settings, parts.params.put(LIFE, own).put(SERVER_LABEL, label))
        above = Stack(itertools.takewhile(lambda module: not module.branch, stack))
        return BuiltServer(settings, label, above.build(params, lambda _params: router), serve, own)


def _place(stack: Stack, settings: RouterSettings) -> int:
    """Return where the router is in its stack. Raises `PluginError` if it is not."""
    place = next((number for number, module in enumerate(stack) if module.branch), None)
    if place is None:
        kind = settings.protocol.kind.name
        raise PluginError(f"the stack of the protocol {kind} has no router: no branch point at all")
    return place
