"""Kinds whose category has keys of its own, common to all of them: namers, interpreters, inserted filters."""

from typing import Self

import attrs

from mesh.errors import NameSyntaxError
from mesh.keys import Category, Chosen, key
from mesh.naming.path import Path
from mesh.settings.reading import here


class NamerPrefix(str):
    """The path of a namer below `/#`, or of a transformer below `/%`; the slash in front may be left out."""

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Raise `ValueError` if `text` is no path."""
        try:
            return cls(Path.read("/" + text.removeprefix("/")).show())
        except NameSyntaxError as error:
            raise ValueError(f"{text!r} is no path: {error}") from None


@attrs.frozen(kw_only=True)
class TransformerSettings:
    """One transformer."""

    chosen: Chosen = here("The transformer.", Category.TRANSFORMER)
    prefix: NamerPrefix = key(
        "The ids of what it changed begin with `/%/<prefix>`; by default the kind, and what it was told.", NamerPrefix()
    )

    @property
    def path(self) -> Path:
        """The prefix, without `/%`; a config class may have a `default_prefix` in place of the kind's name."""
        default = getattr(self.chosen.config, "default_prefix", self.chosen.kind.name)
        return Path.read(self.prefix or f"/{default}")


@attrs.frozen(kw_only=True)
class NamerSettings:
    """One namer."""

    chosen: Chosen = here("The namer.", Category.NAMER)
    prefix: NamerPrefix = key(
        "Its names are `/#/<prefix>/…`, a leading slash may be left out; by default the kind.", NamerPrefix()
    )
    transformers: tuple[TransformerSettings, ...] = key("Change what it binds, in order.", ())

    @property
    def path(self) -> Path:
        """The prefix, without `/#`."""
        return Path.read(self.prefix or f"/{self.chosen.kind.name}")


@attrs.frozen(kw_only=True)
class InterpreterSettings:
    """What binds names."""

    chosen: Chosen = here("The interpreter.", Category.INTERPRETER, default_kind="default")
    transformers: tuple[TransformerSettings, ...] = key("Change what it binds, in order.", ())


@attrs.frozen(kw_only=True)
class FilterEntry:
    """A change of a stack: a filter put in, or a role taken out. Raises `ValueError` for keys that do not go together."""

    chosen: Chosen | None = here(
        'The filter, a kind or `"my_module:MyFilter"`; the module may lie beside the stack file.',
        Category.FILTER,
        optional=True,
    )
    before: str = key("Requests meet the filter just before this role.", "")
    after: str = key("Requests meet the filter just after this role.", "")
    replace: str = key("The filter takes the place of this role.", "")
    remove: str = key("This role is taken out; it stands alone.", "")

    def __attrs_post_init__(self) -> None:
        places = [name for name in ("before", "after", "replace") if getattr(self, name)]
        if self.remove and (self.chosen is not None or places):
            raise ValueError("`remove` stands alone")
        if not self.remove and self.chosen is None:
            raise ValueError("either `kind` or `remove` is required")
        if len(places) > 1:
            raise ValueError(f"at most one of `before`, `after` and `replace` may be given, not {' and '.join(places)}")


@attrs.frozen(kw_only=True)
class FilterLists:
    """Changes of a router's stacks, made in order; a filter without a place comes last in its stack."""

    server: tuple[FilterEntry, ...] = key("The server stack, once per listener.", ())
    service: tuple[FilterEntry, ...] = key("The path stack, once per logical name.", ())
    client: tuple[FilterEntry, ...] = key("The client stack, once per bound name.", ())
    endpoint: tuple[FilterEntry, ...] = key("The endpoint stack, once per address.", ())
