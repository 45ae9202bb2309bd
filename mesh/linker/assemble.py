"""From settings to routers: everything that a stack file asks for, built without opening a socket."""

import difflib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs

from mesh.codec import Serve
from mesh.errors import ConfigError, MeshError, PluginError, Problem
from mesh.keys import Category, Chosen, Kind
from mesh.life import LIFE, Life
from mesh.metrics import Metrics
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
from mesh.settings import FilterEntry, NamerSettings, RouterSettings, ServerSettings, StackFile, TransformerSettings
from mesh.stack import Make, Module, Stack, bind_watched
from mesh.target import DST_PREFIX, METRICS, ROUTER_LABEL, SERVER_LABEL
from mesh.var import Fixed

S = TypeVar("S")
T = TypeVar("T")

SECTIONS = ("server", "service", "client", "endpoint")


@attrs.frozen(eq=False)
class BuiltServer:
    """One listener, not listening yet: its settings, its service and what serves its connections."""

    settings: ServerSettings
    label: str
    service: AnyService
    serve: Serve


@attrs.frozen(eq=False)
class BuiltRouter:
    """One router, ready to serve. `stack` is the list of modules as edited by the stack file, without the pool.

    `interpret` makes an interpreter like the router's with another base dtab, for explanations.
    """

    label: str
    settings: RouterSettings
    stack: Stack
    parts: Parts
    interpreter: Interpreter
    interpret: Callable[[Dtab], Interpreter]
    metrics: Metrics
    service: AnyService
    servers: tuple[BuiltServer, ...]


@attrs.frozen(eq=False)
class Assembly:
    """All routers of a stack file, and the namers they share, by prefix; transformers are not among them."""

    routers: tuple[BuiltRouter, ...]
    namers: tuple[tuple[Path, Namer], ...]


def assemble(settings: StackFile, kinds: Kinds, life: Life, metrics: Metrics, params: Params | None = None) -> Assembly:
    """Build everything `settings` ask for, owned by `life`; nothing listens yet, and namers answer when asked.

    `params` are handed to every stack, for tests. Raises `ConfigError` with all that the stacks themselves refuse:
    unknown roles, broken order rules, and what a kind's factory says.
    """
    problems: list[Problem] = []
    first = Params() if params is None else params
    system = _system(kinds, life)
    above = first.put(LIFE, life).put(SYSTEM_NAMER, system)
    made = _collect(problems, "namers", settings.namers, lambda namer: _namer(namer, life, above))
    namers = tuple((prefix, changed) for prefix, _plain, changed in made)
    routers = tuple(
        _collect(
            problems, "routers", settings.routers, lambda router: _router(router, life, metrics, namers, system, first)
        )
    )
    if problems:
        raise ConfigError(*problems)
    return Assembly(routers, tuple((prefix, plain) for prefix, plain, _changed in made))


def _collect(problems: list[Problem], key: str, items: Sequence[S], build: Callable[[S], T]) -> list[T]:
    """Build each item; keep the problems of those that fail and go on, so that all are reported.

    `key` is that of the list; the keys of the problems are completed by it.
    """
    built = []
    for number, item in enumerate(items):
        try:
            built.append(build(item))
        except (MeshError, ValueError) as error:
            problems += _below(f"{key}[{number}]", error)
    return built


def _below(key: str, error: Exception) -> list[Problem]:
    """Return the problems that an error stands for; their own keys are below `key`."""
    problems = error.problems if isinstance(error, ConfigError) else (Problem(str(error)),)
    return [attrs.evolve(problem, key=f"{key}.{problem.key}" if problem.key else key) for problem in problems]


def _namer(settings: NamerSettings, life: Life, params: Params) -> tuple[Path, Namer, Namer]:
    """Return the prefix of a namer, the namer itself, and the namer with its answers transformed."""
    prefix = Path((b"#",)) + settings.path
    chosen = settings.chosen
    own = life.child(f"namer {prefix}")
    namer: Namer = _made(chosen.kind, chosen.config, prefix, own)
    return prefix, namer, transformed(namer, _transformers(settings.transformers, params.put(LIFE, own)))


def _transformers(settings: Sequence[TransformerSettings], params: Params) -> list[Transformer]:
    problems: list[Problem] = []
    made: list[Transformer] = _collect(
        problems,
        "transformers",
        settings,
        lambda one: _made(one.chosen.kind, one.chosen.config, TRANSFORMER_PREFIX + one.path, params),
    )
    if problems:
        raise ConfigError(*problems)
    return made


def _made(kind: Kind, *arguments: object) -> Any:
    """Return what the factory of a kind makes. Raises `ConfigError`, `ValueError`, or `PluginError` for anything else."""
    make = load(kind)
    try:
        return make(*arguments)
    except (MeshError, ValueError):
        raise
    except Exception as error:
        who = f"{kind.name} of {kind.plugin}" if kind.plugin else kind.name
        raise PluginError(f"{who} cannot be made: {type(error).__name__}: {error}") from error


def _system(kinds: Kinds, life: Life) -> Namer:
    """Return the namer of `/$`, which needs no configuration."""
    kind = kinds.get(Category.NAMER, "system")
    if kind is None:
        raise ConfigError(Problem("no installed plugin brings the namer of /$ (the kind `system`)"))
    namer: Namer = _made(kind, None, SYSTEM_PREFIX, life.child("namer /$"))
    return namer


def _router(
    settings: RouterSettings,
    life: Life,
    metrics: Metrics,
    namers: Sequence[tuple[Path, Namer]],
    system: Namer,
    first: Params,
) -> BuiltRouter:
    own = life.child(f"router {settings.label}")
    chosen = settings.interpreter.chosen
    naming = first.put(LIFE, own).put(NAMERS, namers).put(SYSTEM_NAMER, system)

    try:
        transformers = _transformers(settings.interpreter.transformers, naming)
    except ConfigError as error:
        raise ConfigError(*_below("interpreter", error)) from error

    def interpret(dtab: Dtab) -> Interpreter:
        built: Interpreter = _made(chosen.kind, chosen.config, naming.put(BASE_DTAB, Fixed(dtab)))
        return TransformedInterpreter(built, transformers) if transformers else built

    interpreter = interpret(settings.dtab)
    scope = metrics.scope("rt", settings.label, label=True)
    if settings.originator:
        scope.gauge("originator").value = 1
    params = first.put(LIFE, own).put(METRICS, scope).put(ROUTER_LABEL, settings.label)
    params = params.put(DST_PREFIX, settings.dst_prefix).put(INTERPRETER, interpreter)
    parts: Parts = load(settings.protocol.kind)(settings, params)
    stack = edited(parts.stack, settings)
    stack.verify()
    modules = tuple(stack)
    place = next((number for number, module in enumerate(modules) if module.branch), None)
    if place is None:
        raise PluginError(
            f"the stack of the protocol {settings.protocol.kind.name} has no router: no branch point at all"
        )
    service = Stack(modules[place:]).build(parts.params, pool)
    servers = tuple(_server(listener, parts, Stack(modules[:place]), service) for listener in settings.servers)
    return BuiltRouter(settings.label, settings, stack, parts, interpreter, interpret, scope, service, servers)


def _server(settings: ServerSettings, parts: Parts, stack: Stack, router: AnyService) -> BuiltServer:
    label = settings.label or f"{settings.ip}/{settings.port}"
    params, serve = parts.server(settings, parts.params.put(SERVER_LABEL, label))
    return BuiltServer(settings, label, stack.build(params, lambda _params: router), serve)


def edited(stack: Stack, settings: RouterSettings) -> Stack:
    """Return a stack with the stack file's changes made. Raises `ConfigError` with every change that cannot be made."""
    problems: list[Problem] = []
    for section in SECTIONS:
        for number, entry in enumerate(getattr(settings.filters, section)):
            try:
                stack = _edit(stack, section, entry)
            except (MeshError, ValueError) as error:
                problems += _below(f"filters.{section}[{number}]", error)
    if problems:
        raise ConfigError(*problems)
    return stack


def _edit(stack: Stack, section: str, entry: FilterEntry) -> Stack:
    role = entry.before or entry.after or entry.replace or entry.remove
    if role:
        _check_role(stack, section, role, may_be_branch=bool(entry.before))
    if entry.chosen is None:
        return stack.remove(role)
    others = stack.remove(entry.replace) if entry.replace else stack
    module = attrs.evolve(_module(entry.chosen, others), section=section)
    if entry.before:
        return stack.before(role, module)
    if entry.after:
        return stack.after(role, module)
    if entry.replace:
        return stack.replace(role, module)
    return _last(stack, section, module)


def _check_role(stack: Stack, section: str, role: str, *, may_be_branch: bool) -> None:
    roles = stack.section(section).roles
    if role not in roles:
        nearest = difflib.get_close_matches(role, roles, 1)
        raise ConfigError(
            Problem(
                f"the {section} stack has no role {role}",
                expected=f"one of {', '.join(roles)}",
                nearest=nearest[0] if nearest else "",
            )
        )
    if not may_be_branch and next(module for module in stack if module.role == role).branch:
        raise ConfigError(Problem(f"{role} is a branch point: it can be neither replaced, removed nor passed below"))


def _last(stack: Stack, section: str, module: Module) -> Stack:
    """Put `module` last in its section: just before the branch point that ends it, or before the pool."""
    modules = list(stack.section(section))
    if modules and modules[-1].branch:
        return stack.before(modules[-1].role, module)
    return stack.after(modules[-1].role, module) if modules else stack + Stack([module])


def _module(chosen: Chosen, stack: Stack) -> Module:
    """Return the module of a filter that a stack file names; a role that is taken gets a number."""
    kind = chosen.kind
    built = _made(kind, chosen.config) if kind.factory else chosen.config
    if isinstance(built, Module):
        return attrs.evolve(built, role=_free_role(stack, built.role), kind=kind.name)
    role = _free_role(stack, kind.name.removeprefix("io.l5d."))

    def wrap(params: Params, rest: Make) -> AnyService:
        return bind_watched(built, rest(params), kind.name)

    return Module(role, wrap, kind=kind.name)


def _free_role(stack: Stack, role: str) -> str:
    number = 2
    free = role
    while free in stack:
        free = f"{role}_{number}"
        number += 1
    return free
