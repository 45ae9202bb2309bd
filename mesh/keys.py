"""How a config class describes its keys: an attrs class per kind, a `key(...)` per key of the stack file."""

from collections.abc import Mapping
from enum import StrEnum
from types import FunctionType
from typing import Any

import attrs

KEY = "mesh.key"  # where `key` leaves the description in the metadata of an attrs field


class Category(StrEnum):
    """What a kind can be; each category has its own names."""

    PROTOCOL = "protocol"
    FILTER = "filter"
    IDENTIFIER = "identifier"
    NAMER = "namer"
    INTERPRETER = "interpreter"
    TRANSFORMER = "transformer"
    BALANCER = "balancer"
    ACCRUAL = "accrual"
    CLASSIFIER = "classifier"
    TELEMETER = "telemeter"
    ANNOUNCER = "announcer"
    AUTHORIZER = "authorizer"
    PROPAGATOR = "propagator"
    LABELER = "labeler"

    @property
    def with_article(self) -> str:
        """One of them, as a message says it: `a filter`, `an identifier`."""
        return f"an {self}" if self[0] in "aeiou" else f"a {self}"


@attrs.frozen
class Key:
    """What the loader, the schema and the documentation know of a key beyond its type and default.

    `name` is the stack file's spelling (empty: the field's name in camelCase), `aliases` further spellings. `category`
    says that the value chooses a kind; `default_kind` is the kind chosen when the key is absent. `built` is false for
    keys that are recognised but not built yet; using one is an error that says so. `least` and `most` bound numbers.
    `protocols` limits the key to routers of some protocols (empty: any), as one that names a header. `secret` values are
    masked wherever the configuration is shown.
    """

    doc: str = ""
    name: str = ""
    aliases: tuple[str, ...] = ()
    category: Category | None = None
    default_kind: str = ""
    built: bool = True
    least: float | None = None
    most: float | None = None
    secret: bool = False
    protocols: tuple[str, ...] = ()


def key(
    doc: str,
    default: Any = attrs.NOTHING,
    *,
    factory: Any = None,
    **more: Any,
) -> Any:
    """Return the attrs field of one key: what it means (with its unit), its default, and more of `Key`'s attributes.

    Without a default the key is required.
    """
    metadata = {KEY: Key(doc=doc, **more)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


def describe(field: "attrs.Attribute[Any]") -> Key:
    """Return the description of an attrs field, with the stack file's spelling filled in."""
    described: Key = field.metadata.get(KEY, Key())
    return described if described.name else attrs.evolve(described, name=camel(field.name))


def camel(name: str) -> str:
    """Return a field's name as a stack file spells it: `binding_timeout_ms` is `bindingTimeoutMs`."""
    first, *rest = name.strip("_").split("_")
    return first + "".join(word.capitalize() for word in rest)


def _compared(config: Any) -> Any:
    """Return what stands for the settings of a kind when they are compared.

    A filter that takes no keys is made anew whenever its file is read, so that its class must stand for it.
    """
    plain = isinstance(config, type | FunctionType) or any("__eq__" in vars(cls) for cls in type(config).__mro__[:-1])
    return config if plain else type(config)


@attrs.frozen
class Chosen:
    """A kind that a stack file chose, with its settings: what a key with a category becomes.

    `config` is an instance of the kind's config class. `line` is where it stands in the file, 0 for a default; two choices
    that differ in nothing else are equal.
    """

    kind: "Kind"
    config: Any = attrs.field(eq=_compared)
    line: int = attrs.field(default=0, eq=False)


def summary_of(config: type) -> str:
    """Return the first line of what a config class says of itself, as the summary of its kind."""
    return (config.__doc__ or "").partition("\n")[0]


@attrs.frozen
class Kind:
    """The description of one kind: what a plugin's hooks return, before anything of it is imported.

    `config` is the attrs class of its keys. `factory` is `"module:name"`, imported when the kind is first used and called
    as its category demands (docs/hooks.md); empty, the config instance itself is the filter. `protocols` limits the
    kind to some protocols (empty: any). `parts` holds, for a protocol, the config classes of what it adds to `router`,
    `server`, `service` and `client`; `alpn`, for a protocol, what it is called when TLS chooses a protocol (empty: nothing
    is chosen); `serve`, for a protocol that can carry the admin pages, is `"module:name"` of a
    function without arguments that returns a `Serve`; `limits`, for a protocol, is how those limits begin that are for
    some protocols alone and mean something to it (None: it does not say). `built` is false for a kind that is recognised
    but not built yet. `plugin` is filled in at registration: who brought it.
    """

    name: str
    category: Category
    summary: str
    config: type | None = None
    factory: str = ""
    aliases: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()
    experimental: bool = False
    built: bool = True
    parts: Mapping[str, type] = attrs.field(factory=dict, eq=False)
    alpn: tuple[str, ...] = ()
    serve: str = ""
    limits: tuple[str, ...] | None = None
    plugin: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Every name a stack file may use: the full one, the one without `io.l5d.`, and the aliases."""
        short = (self.name.removeprefix("io.l5d."),) if self.name.startswith("io.l5d.") else ()
        return (self.name, *short, *self.aliases)
