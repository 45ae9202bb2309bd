"""Modules and stacks: layers as values with names, and how they are folded into a service.

A module wraps the rest of its stack, which is not built yet. A plain filter builds the rest once; a branch point builds
it many times: the router once per logical name, the binding once per bound name, the balancer once per endpoint.
"""

from collections.abc import Callable, Iterable, Iterator

import attrs

from mesh.errors import ConfigError, Problem
from mesh.params import Params
from mesh.service import AnyService

Make = Callable[[Params], AnyService]
"""The rest of a stack: builds a service from params, any number of times."""
Wrap = Callable[[Params, Make], AnyService]
SECTIONS = ("server", "service", "client", "endpoint")
"""The parts of a stack that a stack file changes, outermost first."""


@attrs.frozen
class Module:
    """A layer of a stack: a role to be found by, and how it wraps the rest.

    `wrap(params, rest)` runs at build and never awaits. `above` and `below` name roles that must come later or earlier
    in the stack if they are there at all, and `why` says what would break otherwise. `branch` says, for a branch point,
    what it builds the rest for ("per endpoint"); it is empty for plain filters. `section` is the stack file's name of
    the part of the stack, one of `SECTIONS`. `records`: it only counts or writes down what passes, so it is left out where
    a request is followed but not served. `entry` is the key of the stack file's entry that put it there, such as
    `filters.server[0]`; it is empty for the protocol's own.
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
    entry: str = ""


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
        """Raise `ConfigError` with every broken order rule and every role that occurs twice.

        A rule that an entry of the stack file breaks is told of that entry, with the place that would keep it.
        """
        place: dict[str, int] = {}
        problems = []
        for number, role in enumerate(self.roles):
            if role in place:
                problems.append(Problem(f"the role {role} occurs twice in the stack"))
            place[role] = number
        for module in self._modules:
            problems += [
                _misplaced(module, self._modules[place[other]], side)
                for side, others, sign in (("above", module.above, 1), ("below", module.below, -1))
                for other in others
                if other in place and (place[other] - place[module.role]) * sign < 0
            ]
        if problems:
            raise ConfigError(*problems)

    def build(self, params: Params, leaf: Make) -> AnyService:
        """Fold the modules around `leaf`. Raises whatever a module's `wrap` raises."""
        return _build(self._modules, 0, params, leaf)

    def _place(self, role: str) -> int:
        for number, module in enumerate(self._modules):
            if module.role == role:
                return number
        raise KeyError(role)

    def _with(self, start: int, stop: int, *modules: Module) -> "Stack":
        return Stack(self._modules[:start] + modules + self._modules[stop:])


def _misplaced(module: Module, other: Module, side: str) -> Problem:
    """Return that a module is not on the `side` of another one where it must be; what the stack file put in is to move."""
    message = f"{module.role} must stand {side} {other.role}: {module.why}"
    if module.entry:
        return Problem(message, key=module.entry, expected=_place_beside(other, side, module))
    if other.entry:
        opposite = "below" if side == "above" else "above"
        return Problem(message, key=other.entry, expected=_place_beside(module, opposite, other))
    return Problem(message)


def _place_beside(fixed: Module, side: str, moved: Module) -> str:
    """Return which place in a stack file is on that side of a module; nothing stands below a branch point in its section."""
    if side == "below" and fixed.branch:
        return f"it in `filters.{SECTIONS[SECTIONS.index(fixed.section) + 1]}`"
    place = f"`{'before' if side == 'above' else 'after'}: {fixed.role}`"
    return place if fixed.section == moved.section else f"it in `filters.{fixed.section}`, {place}"


def _build(modules: tuple[Module, ...], place: int, params: Params, leaf: Make) -> AnyService:
    if place == len(modules):
        return leaf(params)
    return modules[place].wrap(params, lambda below: _build(modules, place + 1, below, leaf))
