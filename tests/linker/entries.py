"""Filters as stack files name them, made by factories of a plugin's."""

from typing import Any

from mesh.errors import ConfigError, Problem
from mesh.keys import Category, Chosen, Kind
from mesh.service import AnyFilter, AnyService
from mesh.settings import FilterEntry
from mesh.stack import Module


def greeting(_config: object) -> AnyFilter:
    """Make a filter of a plugin's."""

    async def greet(request: Any, service: AnyService, /) -> Any:
        reply = await service(request)
        reply.headers.append((b"x-greeting", b"hello"))
        return reply

    return greet


def broken(_config: object) -> object:
    """Make nothing."""
    raise TypeError("no such thing")


def wrong(_config: object) -> object:
    """Refuse a key."""
    raise ConfigError(Problem("must be even", key="number"))


def as_module(_config: object) -> Module:
    """Make a module that must stand above the errors."""
    return Module("mine", lambda params, rest: rest(params), above=("errors",), why="it must see replies")


def entry(factory: str = "greeting", **place: str) -> FilterEntry:
    kind = Kind(factory, Category.FILTER, "", factory=f"{__name__}:{factory}", plugin="acme")
    return FilterEntry(chosen=Chosen(kind, None), **place)
