"""What a stack file changes of its protocol's stack: filters put before or after a role, in the place of one, or last."""

import difflib

import attrs

from mesh.errors import ConfigError, MeshError, Problem
from mesh.forgotten import bind_watched
from mesh.keys import Chosen
from mesh.linker.making import below, made
from mesh.params import Params
from mesh.service import AnyService
from mesh.settings import FilterEntry, RouterSettings
from mesh.stack import SECTIONS, Make, Module, Stack


def edited(stack: Stack, settings: RouterSettings) -> Stack:
    """Return a stack with the stack file's changes made. Raises `ConfigError` with every change that cannot be made."""
    problems: list[Problem] = []
    for section in SECTIONS:
        for number, entry in enumerate(getattr(settings.filters, section)):
            key = f"filters.{section}[{number}]"
            try:
                stack = _edit(stack, section, entry, key)
            except (MeshError, ValueError) as error:
                problems += below(key, error)
    if problems:
        raise ConfigError(*problems)
    return stack


def _edit(stack: Stack, section: str, entry: FilterEntry, key: str) -> Stack:
    role = entry.before or entry.after or entry.replace or entry.remove
    if role:
        _check_role(stack, section, role, may_be_branch=bool(entry.before))
    if entry.chosen is None:
        return stack.remove(role)
    others = stack.remove(entry.replace) if entry.replace else stack
    module = attrs.evolve(_module(entry.chosen, others), section=section, entry=key)
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
    """Put `module` last in its section: just before the branch point that ends it, or before the pool.

    One that must stand above others of the section stands just above the first of them.
    """
    modules = list(stack.section(section))
    for other in modules:
        if other.role in module.above:
            return stack.before(other.role, module)
    if modules and modules[-1].branch:
        return stack.before(modules[-1].role, module)
    return stack.after(modules[-1].role, module) if modules else stack + Stack([module])


def _module(chosen: Chosen, stack: Stack) -> Module:
    """Return the module of a filter that a stack file names; a role that is taken gets a number."""
    kind = chosen.kind
    built = made(kind, chosen.config) if kind.factory else chosen.config
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
