"""A JSON schema (draft 2020-12) of stack files, for editors: every key and every installed kind, with its documentation."""

import inspect
from collections.abc import Callable, Sequence
from typing import Any, get_args, get_origin

import attrs

from mesh.config.places import Place
from mesh.config.shape import Field, fields, item_type, names, options, value_type, words
from mesh.keys import Category, Chosen, Key, Kind
from mesh.plugins import Kinds
from mesh.settings.prefixes import PerPrefix
from mesh.settings.reading import Reading, core_defaults
from mesh.settings.stackfile import StackFile

Schema = dict[str, Any]

_TEXT = ["string", "number", "boolean"]  # a number, or a word such as `no`, is a text where one is expected
_SIMPLE: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": _TEXT},
}
_NOT_BUILT = " (Known but not built yet.)"
_EXPERIMENTAL: Schema = {"type": "boolean", "description": "Experimental kinds must be asked for."}


def schema(kinds: Kinds) -> Schema:
    """Return the schema of a whole stack file.

    It accepts what `read_text` accepts, and what is known but not built yet, which it describes so; rules between several
    keys are left to `read_text`.
    """
    writer = _Writer(kinds)
    root = writer.of_map(StackFile, Place())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "linker stack file",
        **root,
        "required": ["routers"],
        "$defs": writer.definitions,
    }


class _Writer:
    """Writes one schema. Its mutable state is `definitions`, and the names of classes in it; both grow while they are met."""

    def __init__(self, kinds: Kinds) -> None:
        self.definitions: dict[str, Schema] = {}
        self._names: dict[type, str] = {}
        self._kinds = kinds

    def of_map(self, cls: type, place: Place, also: Schema | None = None) -> Schema:
        """Return the schema of the map of a class; `also` are the properties that are read elsewhere."""
        here = next((field for field in fields(cls) if field.reading is Reading.HERE), None)
        if here is not None:
            return self._of_choice(here.key, place, cls, is_optional=not here.is_required)
        return self._of_classes([cls, *_parts(cls, place)], place, also or {})

    def _defined(self, name: str, place: Place, make: Callable[[], Schema]) -> Schema:
        """Return a reference to a definition, which is made when it is met first."""
        full = f"{name} ({place.protocol_name})" if place.protocol_name else name
        if full not in self.definitions:
            self.definitions[full] = {}  # a class that contains itself finds this
            self.definitions[full] = make()
        escaped = full.replace("~", "~0").replace("/", "~1").replace("%", "%25").replace(" ", "%20")
        return {"$ref": f"#/$defs/{escaped}"}

    def _of_classes(self, classes: Sequence[type], place: Place, also: Schema, *, is_open: bool = False) -> Schema:
        properties: Schema = dict(also)
        required = []
        defaults = {name: value for cls in classes for name, value in core_defaults(cls).items()}
        for field in (field for cls in classes for field in fields(cls)):
            if field.reading in (Reading.HERE, Reading.PART):
                continue
            described = self._of_field(field, place, defaults.get(field.name, field.make_default()))
            for name in names(field):
                properties.setdefault(name, described)
            if len(names(field)) == 1 and field.is_required and not _has_default(field, defaults):
                required.append(field.key.name)
        described = {"type": "object", "description": _doc(classes[0])} if classes else {"type": "object"}
        return {**described, "properties": properties, "required": required, "additionalProperties": is_open}

    def _of_field(self, field: Field, place: Place, default: Any) -> Schema:
        described = self._of_type(field.type, field.key, place)
        if field.key.default_kind and item_type(field.type) is Chosen:
            described = {"anyOf": [self._of_type(Chosen, field.key, place), described]}
        if default is not attrs.NOTHING or _has_default(field, {}):
            described = {"anyOf": [described, {"type": "null"}]}
        doc = field.key.doc + ("" if field.key.built else _NOT_BUILT)
        described = {**described, "description": doc.strip()} if doc else described
        if field.key.category is not None and field.key.default_kind:
            return {**described, "default": {"kind": field.key.default_kind}}
        return {**described, "default": default} if isinstance(default, bool | int | float | str) else described

    def _of_type(self, annotation: Any, key: Key, place: Place) -> Schema:
        candidates = options(annotation)
        if len(candidates) > 1:
            return {"anyOf": [self._of_type(candidate, key, place) for candidate in candidates]}
        (annotation,) = (getattr(candidate, "__supertype__", candidate) for candidate in candidates)
        if annotation in (Any, object):
            return {}
        if annotation in _SIMPLE:
            return {**_SIMPLE[annotation], **(_bounds(key) if annotation in (int, float) else {})}
        item, inner = item_type(annotation), value_type(annotation)
        if item is not None:
            return {"type": "array", "items": self._of_type(item, key, place)}
        if inner is not None:
            return {"type": "object", "additionalProperties": self._of_type(inner, key, place)}
        if words(annotation):
            return {"enum": list(words(annotation))}
        if annotation is Chosen and key.category is not None:
            return self._defined(key.category, place, lambda: self._of_choice(key, place, None))
        if get_origin(annotation) is PerPrefix:
            (cls,) = get_args(annotation)
            return self._defined(f"{cls.__name__} by prefix", place, lambda: self._of_section(cls, place))
        if attrs.has(annotation) and not hasattr(annotation, "read"):
            name = self._names.setdefault(annotation, annotation.__name__)
            if any(other == name and cls is not annotation for cls, other in self._names.items()):
                name = self._names[annotation] = f"{annotation.__module__}.{annotation.__qualname__}"
            return self._defined(name, place, lambda: self.of_map(annotation, place))
        return {"type": "string"}

    def _of_choice(self, key: Key, place: Place, cls: type | None, *, is_optional: bool = False) -> Schema:
        """Return the schema of a map in which a key chooses a kind; `cls` reads what is common to all of them."""
        category = key.category
        assert category is not None  # noqa: S101  whoever describes a choice says of what
        name = key.name if cls is not None else "kind"
        kinds = [kind for kind in self._kinds.all() if kind.category is category and _speaks(kind, place)]
        known: list[Schema] = [
            {"const": spelling, "description": _summary(kind)} for kind in kinds for spelling in kind.names
        ]
        branches = [self._branch(kind, name, place, cls) for kind in kinds]
        if category is Category.FILTER:
            imported: Schema = {"pattern": "^[^:]+:[^:]+$", "description": "A filter of your own: `module:name`."}
            known.append(imported)
            rest = self._of_classes([cls] if cls else [], place, {name: {}}, is_open=True)
            branches.append({"if": _says(name, imported), "then": rest})
        default = self._kinds.get(category, key.default_kind) if cls is not None else None
        if default is not None or is_optional:
            absent = self._of_kind(default, name, place, cls)
            branches.append({"if": {"not": {"required": [name]}}, "then": absent})
            known.append({"type": "null"})
        required = [] if default is not None or is_optional else [name]
        if not known:
            return {"type": "object", "description": f"No {category} is installed.", "not": {}}
        described: Schema = {"type": "object", "properties": {name: {"anyOf": known}}, "required": required}
        return {**described, "allOf": branches}

    def _branch(self, kind: Kind, name: str, place: Place, cls: type | None) -> Schema:
        title = f"{cls.__name__ if cls is not None else kind.category}: {kind.name}"
        then = self._defined(title, place, lambda: self._of_kind(kind, name, place, cls))
        return {"if": _says(name, {"enum": list(kind.names)}), "then": then}

    def _of_kind(self, kind: Kind | None, name: str, place: Place, cls: type | None) -> Schema:
        """Return the schema of a map whose kind is known; None is no kind."""
        if kind is not None and kind.category is Category.PROTOCOL:
            place = place.within(kind)
        config = [kind.config] if kind is not None and kind.config is not None else []
        common = [cls, *_parts(cls, place)] if cls is not None else []
        is_open = kind is not None and not kind.built and not config
        if is_open and place.is_open:
            common = []  # a protocol that is not built: nothing in its routers is known for sure
        described = self._of_classes(
            [*common, *config], place, {name: {}, "experimental": _EXPERIMENTAL}, is_open=is_open
        )
        if kind is None:
            return described
        if kind.experimental:
            described["required"] = [*described["required"], "experimental"]
            described["properties"]["experimental"] = {**_EXPERIMENTAL, "const": True}
        return {**described, "description": _summary(kind)}

    def _of_section(self, cls: type, place: Place) -> Schema:
        everywhere = self.of_map(cls, place, {"kind": {"enum": ["io.l5d.global", "global"]}})
        entry = self.of_map(cls, place, {"prefix": {"type": "string", "description": "The beginning of paths."}})
        entry["required"] = [*entry["required"], "prefix"]
        static = {"enum": ["io.l5d.static", "static"]}
        by_prefix = {
            "properties": {"kind": static, "configs": {"type": "array", "items": entry}},
            "required": ["kind", "configs"],
            "additionalProperties": False,
        }
        return {"type": "object", "if": _says("kind", static), "then": by_prefix, "else": everywhere}


def _parts(cls: type, place: Place) -> list[type]:
    parts = (place.part(field.part) for field in fields(cls) if field.reading is Reading.PART)
    return [part for part in parts if part is not None]


def _speaks(kind: Kind, place: Place) -> bool:
    return place.serves(kind.protocols)


def _has_default(field: Field, defaults: Schema) -> bool:
    """Whether an absent key has a value, although its field has no default."""
    return bool(field.key.default_kind) or field.reading is Reading.SECTION or field.name in defaults


def _says(name: str, value: Schema) -> Schema:
    return {"properties": {name: value}, "required": [name]}


def _bounds(key: Key) -> Schema:
    bounds = {"minimum": key.least, "maximum": key.most}
    return {name: value for name, value in bounds.items() if value is not None}


def _summary(kind: Kind) -> str:
    return kind.summary + ("" if kind.built else _NOT_BUILT)


def _doc(cls: type) -> str:
    return (inspect.getdoc(cls) or cls.__name__).splitlines()[0]
