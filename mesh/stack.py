"""Modules and stacks: layers as values with names, and how they are folded into a service.

A module wraps the rest of its stack, which is not built yet. A plain filter builds the rest once; a branch point builds
it many times: the router once per logical name, the binding once per bound name, the balancer once per endpoint.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator
from inspect import CO_VARARGS, CO_VARKEYWORDS
from types import CodeType, FunctionType, MethodType
from typing import Any

import attrs

from mesh.errors import ConfigError, Problem
from mesh.message import EMPTY, Reply, Request
from mesh.params import Params
from mesh.service import AnyFilter, AnyService

logger = logging.getLogger(__name__)

Make = Callable[[Params], AnyService]
"""The rest of a stack: builds a service from params, any number of times."""
Wrap = Callable[[Params, Make], AnyService]


@attrs.frozen
class Module:
    """A layer of a stack: a role to be found by, and how it wraps the rest.

    `wrap(params, rest)` runs at build and never awaits. `above` and `below` name roles that must come later or earlier
    in the stack if they are there at all, and `why` says what would break otherwise. `branch` says, for a branch point,
    what it builds the rest for ("per endpoint"); it is empty for plain filters. `section` is the stack file's name of
    the part of the stack: server, service, client or endpoint. `records`: it only counts or writes down what passes, so
    it is left out where a request is followed but not served.
    """

    role: str
    wrap: Wrap = attrs.field(eq=False)
    above: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    why: str = ""
    branch: str = ""
    section: str = ""
    kind: str = ""
    records: bool = False


class Stack:
    """An immutable list of modules, outermost first; every change returns a new stack."""

    __slots__ = ("_modules",)

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self._modules = tuple(modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules)

    def __len__(self) -> int:
        return len(self._modules)

    def __add__(self, other: "Stack") -> "Stack":
        return Stack(self._modules + other._modules)

    def __contains__(self, role: str) -> bool:
        return any(module.role == role for module in self._modules)

    @property
    def roles(self) -> tuple[str, ...]:
        return tuple(module.role for module in self._modules)

    def section(self, name: str) -> "Stack":
        """Return the part of the stack that the stack file calls `name`, its branch point included."""
        return Stack(module for module in self._modules if module.section == name)

    def before(self, role: str, module: Module) -> "Stack":
        """Insert `module` so that requests meet it just before `role`."""
        place = self._place(role)
        return self._with(place, place, module)

    def after(self, role: str, module: Module) -> "Stack":
        """Insert `module` just below `role`; below a branch point it is built once per branch."""
        place = self._place(role) + 1
        return self._with(place, place, module)

    def replace(self, role: str, module: Module) -> "Stack":
        place = self._place(role)
        return self._with(place, place + 1, module)

    def remove(self, role: str) -> "Stack":
        place = self._place(role)
        return self._with(place, place + 1)

    def verify(self) -> None:
        """Raise `ConfigError` with every broken order rule and every role that occurs twice."""
        place: dict[str, int] = {}
        problems = []
        for number, role in enumerate(self.roles):
            if role in place:
                problems.append(Problem(f"the role {role} occurs twice in the stack"))
            place[role] = number
        for module in self._modules:
            problems += [
                Problem(f"{module.role} must stand {side} {other}: {module.why}")
                for side, others, sign in (("above", module.above, 1), ("below", module.below, -1))
                for other in others
                if other in place and (place[other] - place[module.role]) * sign < 0
            ]
        if problems:
            raise ConfigError(*problems)

    def build(self, params: Params, leaf: Make) -> AnyService:
        """Fold the modules around `leaf`. Raises whatever a module's `wrap` raises."""
        return _build(self._modules, 0, params, leaf)

    def maker(self, leaf: Make) -> Make:
        """Return the whole stack as a `Make`, to stand as the rest of another one."""
        return lambda params: _build(self._modules, 0, params, leaf)

    def _place(self, role: str) -> int:
        for number, module in enumerate(self._modules):
            if module.role == role:
                return number
        raise KeyError(role)

    def _with(self, start: int, stop: int, *modules: Module) -> "Stack":
        return Stack(self._modules[:start] + modules + self._modules[stop:])


def _build(modules: tuple[Module, ...], place: int, params: Params, leaf: Make) -> AnyService:
    if place == len(modules):
        return leaf(params)
    return modules[place].wrap(params, lambda below: _build(modules, place + 1, below, leaf))


_NAMES: dict[CodeType, str] = {}  # the code of every filter's `__call__`, to what the log calls it; as many as classes


def known(call: Callable[..., object], name: str) -> None:
    """Let `blame` find the function `call` under `name`."""
    code = getattr(call, "__code__", None)
    if code is not None:
        _NAMES[code] = name


def blame(error: BaseException) -> str:
    """Return the name of the innermost filter that `error` came through, or an empty string if it met none.

    For a cancellation that is the filter that was waiting.
    """
    name = ""
    trace = error.__traceback__
    while trace is not None:
        name = _NAMES.get(trace.tb_frame.f_code, name)
        trace = trace.tb_next
    return name


def bind(filter: AnyFilter, service: AnyService, name: str = "") -> AnyService:  # noqa: A002  the field's word
    """Return the service that is `filter` in front of `service`; the filter's `__call__` is looked up once.

    `name` is what the log calls the filter, by default its class.
    """
    call = _call_of(filter, name)
    given = _with_default(call, service)
    if given is not None:
        return given

    def bound(request: Request, /) -> Awaitable[Reply]:
        return call(request, service)

    return bound


def _with_default(call: Callable[..., Any], service: AnyService) -> AnyService | None:
    """Return `call` with `service` as the default of its last argument; None if it is not written as filters mostly are.

    That saves the frame of a closure for every filter that a request meets: 30 ns of 120, and the memory it touches.
    """
    function = call.__func__ if isinstance(call, MethodType) else call
    if not isinstance(function, FunctionType) or function.__defaults__ or function.__kwdefaults__:
        return None
    code = function.__code__
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS) or code.co_kwonlyargcount:
        return None
    if code.co_argcount != 2 + isinstance(call, MethodType):
        return None
    with_default = FunctionType(code, function.__globals__, function.__name__, (service,), function.__closure__)
    return MethodType(with_default, call.__self__) if isinstance(call, MethodType) else with_default


class Watch:
    """What is known of strangers' filters: `names` of those in use; `is_close`: stacks built now look at each of them.

    That begins when a reply was first found forgotten, since it costs 0.2 µs a filter and request.
    """

    __slots__ = ("is_close", "names")

    def __init__(self) -> None:
        self.is_close = False
        self.names: set[str] = set()


WATCH = Watch()


def bind_watched(filter: AnyFilter, service: AnyService, name: str) -> AnyService:  # noqa: A002  the field's word
    """Do as `bind` for a stranger's filter, so that the log can say that it forgot to close a reply."""
    call = _call_of(filter, name)
    WATCH.names.add(name)
    if not WATCH.is_close:
        return bind(filter, service, name)

    async def watched(request: Request, /) -> Reply:
        try:
            reply: Reply = await call(request, service)
        except Exception:
            await _close_open(request.context.replies, None, name)
            raise
        if request.context.replies is not reply:
            await _close_open(request.context.replies, reply, name)
        return reply

    return watched


async def close_forgotten(made: Reply | list[Reply], returned: Reply | None) -> None:
    """Close whatever an exchange received and nobody closed, now that `returned` has been written.

    If there was more than what lent `returned` its body, log whose fault it may be, and watch from now on. `returned` is
    None for an exchange that was broken off, which is nobody's fault.
    """
    names = sorted(WATCH.names)
    name = names[0] if len(names) == 1 else f"one of the filters {', '.join(names)}"
    if returned is not None and await _close_open(made, returned, name):
        WATCH.is_close = True
    for reply in made if isinstance(made, list) else [made]:
        await reply.aclose()


def _call_of(
    filter: AnyFilter,  # noqa: A002  the field's word
    name: str,
) -> Callable[[Any, AnyService], Awaitable[Any]]:
    call: Callable[[Any, AnyService], Awaitable[Any]]
    call, named = (filter, filter) if isinstance(filter, FunctionType) else (filter.__call__, type(filter))
    known(call, name or f"{named.__module__}.{named.__qualname__}")
    return call


async def _close_open(made: Reply | list[Reply] | None, returned: Reply | None, name: str) -> bool:
    """Close what came from below and neither was closed, nor is returned, nor lends its body to what is."""
    found = False
    for reply in made if isinstance(made, list) else [made]:
        if reply is None or reply.closed or reply is returned:
            continue
        if returned is not None and reply.body is returned.body and reply.body is not EMPTY:
            continue
        logger.warning("%s forgot to close a reply", name)
        found = True
        await reply.aclose()
    return found


def filtered(
    role: str,
    filter: AnyFilter,  # noqa: A002  the field's word
    *,
    above: tuple[str, ...] = (),
    below: tuple[str, ...] = (),
    why: str = "",
    section: str = "",
) -> Module:
    """Return the module of a filter that builds the rest once and keeps no state per stack."""

    def wrap(params: Params, rest: Make) -> AnyService:
        return bind(filter, rest(params), role)

    return Module(role, wrap, above=above, below=below, why=why, section=section)
