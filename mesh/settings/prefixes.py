"""Settings that depend on a path: the sections `service` and `client`, of the kinds `io.l5d.global` and `io.l5d.static`.

Source: linkerd/core, Client.scala, Svc.scala; router/core, StackRouter.scala, `PerClientParams`.
"""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import attrs

from mesh.keys import Chosen
from mesh.naming.path import Path
from mesh.naming.pattern import PathPattern, substitute

S = TypeVar("S", bound=attrs.AttrsInstance)


@attrs.frozen
class Given:
    """The values that a map of a stack file gives, by field name; those it leaves out are not in it."""

    values: Mapping[str, Any]


@attrs.frozen
class Entry:
    """One entry of a static configuration: for which paths it is, and what it gives.

    A value that is itself `Given` overrides the keys of a map one by one.
    """

    prefix: PathPattern
    given: Given


@attrs.frozen
class PerPrefix(Generic[S]):
    """Settings by path. Without entries they are `default` for every path."""

    default: S
    entries: tuple[Entry, ...] = ()

    def resolve(self, path: Path) -> S:
        """Return the settings for `path`: what every entry that matches gives, the later overriding the earlier.

        Only keys that an entry has override; the rest is `default`. The texts of an entry have their `{variables}`
        replaced by what that entry's prefix captured.
        """
        given: dict[str, Any] = {}
        for entry in self.entries:
            captures = entry.prefix.match(path)
            if captures is not None:
                _merge(given, entry.given, captures)
        return _override(self.default, given) if given else self.default


def _merge(into: dict[str, Any], given: Given, captures: Mapping[str, str]) -> None:
    for name, value in given.values.items():
        if isinstance(value, Given):
            inner = dict(into[name].values) if name in into else {}
            _merge(inner, value, captures)
            into[name] = Given(inner)
        else:
            into[name] = _fill(value, captures) if captures else value


def _override(settings: S, given: Mapping[str, Any]) -> S:
    values = {
        name: _override(getattr(settings, name), value.values) if isinstance(value, Given) else value
        for name, value in given.items()
    }
    return cast(S, attrs.evolve(cast(Any, settings), **values))


def _fill(value: Any, captures: Mapping[str, str]) -> Any:
    """Replace variables in every text of a value; one without any is returned as it is."""
    if isinstance(value, str):
        return substitute(value, captures)
    if isinstance(value, list | tuple):
        return type(value)(_fill(item, captures) for item in value)
    if isinstance(value, dict):
        return {name: _fill(item, captures) for name, item in value.items()}
    if isinstance(value, Chosen):
        config = _fill(value.config, captures)
        return value if config is value.config else attrs.evolve(value, config=config)
    if attrs.has(type(value)):
        return _fill_fields(value, captures)
    return value


def _fill_fields(value: Any, captures: Mapping[str, str]) -> Any:
    changed = {}
    for field in attrs.fields(type(value)):
        if field.init:
            before = getattr(value, field.name)
            after = _fill(before, captures)
            if after != before:
                changed[cast(str, field.alias)] = after
    return attrs.evolve(value, **changed) if changed else value
