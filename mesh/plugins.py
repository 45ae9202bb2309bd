"""Finding plugins and their kinds, at build time only."""

import difflib
import importlib
import importlib.metadata
import logging
from collections.abc import Iterable
from typing import Any

import attrs
import pluggy

from mesh import hooks
from mesh.errors import ConfigError, PluginError, Problem
from mesh.keys import Category, Kind

logger = logging.getLogger(__name__)


@attrs.frozen
class Failure:
    """A plugin that could not be loaded, and why; only its own kinds are missing."""

    plugin: str
    reason: str


class Kinds:
    """Every kind that the installed plugins bring, by category and name, and the plugins that failed."""

    def __init__(self, kinds: Iterable[Kind], failures: tuple[Failure, ...] = ()) -> None:
        self.failures = failures
        self._kinds: dict[tuple[Category, str], Kind] = {}
        problems = []
        for kind in kinds:
            for name in kind.names:
                other = self._kinds.setdefault((kind.category, name), kind)
                if other is not kind:
                    problems.append(
                        Problem(f"the {kind.category} kind {name} is brought by both {other.plugin} and {kind.plugin}")
                    )
        if problems:
            raise ConfigError(*problems)

    def all(self) -> list[Kind]:
        """Return every kind once, by category and name."""
        return sorted(set(self._kinds.values()), key=lambda kind: (kind.category, kind.name))

    def get(self, category: Category, name: str) -> Kind | None:
        """Return the kind of this name or alias, or None."""
        return self._kinds.get((category, name))

    def names(self, category: Category, protocol: str = "", *, built: bool = False) -> list[str]:
        """Return the full names in a category, those of another protocol left out, and with `built` what is not built."""
        return [
            kind.name
            for kind in self.all()
            if kind.category is category
            and (not protocol or not kind.protocols or protocol in kind.protocols)
            and (kind.built or not built)
        ]

    def nearest(self, category: Category, name: str, protocol: str = "") -> str:
        """Return the name most like `name`, or an empty string if none is."""
        known = self.names(category, protocol)
        short = {other.removeprefix("io.l5d."): other for other in known}
        found = difflib.get_close_matches(name, known, 1) or difflib.get_close_matches(
            name.removeprefix("io.l5d."), list(short), 1
        )
        return short.get(found[0], found[0]) if found else ""


def load(kind: Kind, what: str = "") -> Any:
    """Import a kind's factory, or another `"module:name"` of it, and return it.

    Raises `PluginError` naming the plugin if that fails.
    """
    place = what or kind.factory
    module, _, name = place.partition(":")
    try:
        return getattr(importlib.import_module(module), name)
    except Exception as error:
        raise PluginError(f"{kind.plugin or kind.name}: cannot load {place}: {error}") from error


def find() -> Kinds:
    """Load every plugin of the entry-point group `mesh` and gather its kinds.

    A plugin that raises while it is imported or asked is logged, listed in `failures` and left out. Raises `ConfigError`
    if two plugins bring one kind.
    """
    kinds: list[Kind] = []
    failures: list[Failure] = []
    for entry in sorted(importlib.metadata.entry_points(group=hooks.PROJECT), key=lambda entry: entry.name):
        distribution = entry.dist.name if entry.dist is not None else "?"
        plugin = f"{entry.name} ({distribution})"
        try:
            kinds += _kinds_of(entry.load(), plugin)
        except (Exception, SystemExit) as error:  # noqa: BLE001  a stranger's import costs only its own kinds
            logger.warning("plugin %s cannot be loaded: %s", plugin, error)
            failures.append(Failure(plugin, f"{type(error).__name__}: {error}"))
    return Kinds(kinds, tuple(failures))


def _kinds_of(module: object, plugin: str) -> list[Kind]:
    """Ask one plugin for its kinds, by itself, so that its failure is its own."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    manager.register(module, plugin)
    manager.check_pending()
    if not manager.hook.mesh_kinds.get_hookimpls():
        raise PluginError("it has no function `mesh_kinds` marked with `@hookimpl`")
    return [attrs.evolve(kind, plugin=plugin) for kinds in manager.hook.mesh_kinds() for kind in kinds]
