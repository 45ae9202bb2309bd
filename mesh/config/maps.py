"""From maps to the values of config classes.

What cannot be read is a problem at its place, and the reading goes on, so that all problems of a file are found at once.
Several classes may read one map: a router's is read by the class of all routers and by its protocol's, the map of a kind
by what is common to its category and by the class of that kind. So a map is first read into a `Draft`, which says what is
given, and then made into a value; a static configuration keeps what a draft gives, since it overrides key by key.
"""

from collections.abc import Iterable
from collections.abc import Mapping as Map
from typing import Any, get_origin

import attrs

from mesh.config.belonging import find_home
from mesh.config.choosing import Choice, Chooser
from mesh.config.drafts import Draft, empty_map
from mesh.config.leaves import LeafReader
from mesh.config.nodes import Mapping, Pair, Scalar
from mesh.config.places import Place, routers_of
from mesh.config.report import FAILED, Report, index_of
from mesh.config.scalars import nearest
from mesh.config.shape import Field, fields, item_type, known_names, names, options
from mesh.errors import MeshError
from mesh.keys import Category, Chosen, Key, Kind
from mesh.settings.reading import Reading, core_defaults


class MapReader:
    """Reads maps by config classes; `leaves` reads the values in them."""

    def __init__(self, chooser: Chooser, report: Report, leaves: LeafReader) -> None:
        self._chooser = chooser
        self._report = report
        self._leaves = leaves

    def draft(self, node: Mapping, cls: type, place: Place, *, also: Iterable[str] = ()) -> Draft:
        """Read a map by `cls` and by whatever its kind and the protocol add; `also` are keys that are read elsewhere."""
        index = index_of(node)
        known = set(also)
        here = next((field for field in fields(cls) if field.reading is Reading.HERE), None)
        choice = self._choose(node, index, here, place) if here is not None else None
        kind = choice.kind if isinstance(choice, Choice) else None
        if here is not None:
            known.add("experimental")
            if here.key.category is Category.PROTOCOL:
                place = place.within(kind)
        parts = {field.name: place.part(field.part) for field in fields(cls) if field.reading is Reading.PART}
        added = [part for part in parts.values() if part is not None]
        config = kind.config if kind is not None else None
        classes = [cls, *added, *([config] if config is not None else [])]
        is_open = (bool(parts) and place.is_open) or choice is FAILED or _is_open(kind)
        suspects = set() if is_open else self.report_unknown(node, known | known_names(classes), place)

        draft = self._read_fields(node, index, cls, place, suspects)
        draft.defaults = {name: value for part in [*added, config] for name, value in core_defaults(part).items()}
        draft.inner.update(
            (name, self._read_fields(node, index, part, place, suspects))
            for name, part in parts.items()
            if part is not None
        )
        if here is not None:
            self._put_chosen(draft, here, choice, self._read_config(choice, node, index, place, suspects))
        return draft

    def _read_fields(self, node: Mapping, index: Map[str, Pair], cls: type, place: Place, suspects: set[str]) -> Draft:
        draft = Draft(cls, node, place, suspects=suspects)
        for field in fields(cls):
            if field.reading in (Reading.HERE, Reading.PART):
                continue
            pairs = [index[name] for name in names(field) if name in index]
            if len(pairs) > 1:
                first, second = pairs[0].key, pairs[1].key
                self._report.problem(
                    second, place.child(second.text), f"says the same as `{first.text}`", "one of the two"
                )
            if pairs and not (isinstance(pairs[0].value, Scalar) and pairs[0].value.is_null):
                self._read_field(field, pairs[0], draft)
        return draft

    def _read_field(self, field: Field, pair: Pair, draft: Draft) -> None:
        place = draft.place.child(field.key.name, planned=not field.key.built)
        self._report.remember(place, pair.key, pair.value)
        before = len(self._report.problems)
        if not place.serves(field.key.protocols):
            message = f"is not for the protocol {place.protocol_name}"
            self._report.problem(pair.key, place, message, f"it in {routers_of(field.key.protocols)}")
            draft.failed.add(field.name)
            return
        if field.reading is Reading.MERGED and isinstance(pair.value, Mapping):
            draft.inner[field.name] = self.draft(pair.value, field.type, place)
            value = self.make(draft.inner[field.name])
        else:
            value = self._leaves.read(pair.value, field.type, field.key, place)
        if value is FAILED:
            draft.failed.add(field.name)
        elif field.reading is not Reading.MERGED:
            draft.given[field.name] = value
        asks_for_something = len(self._report.problems) > before or value != field.make_default()
        if not field.key.built and asks_for_something:
            self._report.not_built(pair.key, attrs.evolve(place, planned=draft.place.planned), f"`{pair.key.text}`")

    def report_unknown(self, node: Mapping, known: set[str], place: Place) -> set[str]:
        """Report the keys that nobody reads and return the known ones that they may have been meant for."""
        suspects = set()
        for pair in node.pairs:
            name = pair.key.text
            if name not in known:
                home = find_home(name, place, self._chooser.kinds)
                near = "" if home else nearest(name, known)
                listed = "" if near or len(known) > 12 else f"one of {', '.join(sorted(known))}"
                expected = f"it in {home}" if home else listed
                self._report.problem(pair.key, place.child(name), "unknown key", expected, near)
                suspects.add(near)
        return suspects

    def make(self, draft: Draft) -> Any:
        """Return the value of a draft, made once, or `FAILED`."""
        if draft.value is None:
            draft.value = self._make_new(draft)
            if draft.value is not FAILED:
                self._report.made.append((draft.place.key, draft.value))
        return draft.value

    def _make_new(self, draft: Draft) -> Any:
        arguments: dict[str, Any] = {}
        complete = True
        for field in fields(draft.cls):
            if field.name in draft.given:
                value = draft.given[field.name]
            elif field.name in draft.inner:
                value = self.make(draft.inner[field.name])
            elif field.name in draft.failed:
                value = FAILED if field.is_required else attrs.NOTHING
            else:
                value = self._absent(field, draft)
            if value is FAILED:
                complete = False
            elif value is not attrs.NOTHING:
                arguments[field.argument] = value
        if not complete:
            return FAILED
        try:
            return draft.cls(**arguments)
        except Exception as error:  # noqa: BLE001  a config class may be a stranger's code
            if not draft.failed:  # else the value that failed is the reason, and is reported
                expected = isinstance(error, ValueError | TypeError | MeshError)
                self._report.problem(draft.node, draft.place, str(error) if expected else repr(error))
            return FAILED

    def _absent(self, field: Field, draft: Draft) -> Any:
        """Return the value of a key that is not given: `attrs.NOTHING` if the class has a default for it."""
        place = draft.place.child(field.key.name)
        default = draft.defaults.get(field.name, attrs.NOTHING)
        kind = default if field.key.category is not None and default is not attrs.NOTHING else field.key.default_kind
        if field.key.category is not None and kind:
            return self._default_chosen(field, kind, draft.node, place)
        if default is not attrs.NOTHING:
            return default
        if field.reading is Reading.SECTION:
            return self._leaves.read(empty_map(draft.node), field.type, field.key, place)
        if field.is_required:
            has_parts = any(other.reading is Reading.PART for other in fields(draft.cls))
            if field.key.name not in draft.suspects and not (place.is_unsure and has_parts):
                self._report.problem(draft.node, place, "is required")
            return FAILED
        return attrs.NOTHING

    def _choose(self, node: Mapping, index: dict[str, Pair], here: Field, place: Place) -> Any:
        category = here.key.category
        assert category is not None  # noqa: S101  `here` demands it
        choice = self._chooser.choose(node, index, category, here.key.name, place)
        if choice is None and here.key.default_kind:
            return self._chooser.default(node, category, here.key.default_kind, place)
        if choice is None and here.is_required:
            self._chooser.require(node, category, here.key.name, place)
            return FAILED
        return choice

    def read_chosen(self, node: Mapping, key: Key, place: Place) -> Any:
        """Return the `Chosen` of a map whose key `kind` names a kind of the key's category, or `FAILED`."""
        if key.category is None:
            self._report.problem(
                node, place, "the class that reads this key does not say what category its kinds are of"
            )
            return FAILED
        index = index_of(node)
        choice = self._chooser.choose(node, index, key.category, "kind", place)
        if choice is None:
            self._chooser.require(node, key.category, "kind", place)
            return FAILED
        if choice is FAILED:
            return FAILED
        classes = [choice.kind.config] if choice.kind.config is not None else []
        known = {"kind", "experimental", *known_names(classes)}
        suspects = set() if _is_open(choice.kind) else self.report_unknown(node, known, place)
        config = self._read_config(choice, node, index, place, suspects)
        return FAILED if config is FAILED else Chosen(choice.kind, config, choice.line)

    def _read_config(self, choice: Any, node: Mapping, index: Map[str, Pair], place: Place, suspects: set[str]) -> Any:
        if not isinstance(choice, Choice):
            return choice
        if choice.ready is not None or choice.kind.config is None:
            return choice.ready
        return self.make(self._read_fields(node, index, choice.kind.config, place, suspects))

    def _put_chosen(self, draft: Draft, here: Field, choice: Any, config: Any) -> None:
        if choice is FAILED or config is FAILED:
            draft.failed.add(here.name)
        elif choice is not None:
            draft.given[here.name] = Chosen(choice.kind, config, choice.line)

    def _default_chosen(self, field: Field, name: str, node: Mapping, place: Place) -> Any:
        assert field.key.category is not None  # noqa: S101  whoever calls this has looked
        choice = self._chooser.default(node, field.key.category, name, place)
        keys = field.default_keys if name == field.key.default_kind else {}
        given = empty_map(node, keys)
        config = self._read_config(choice, given, index_of(given), place, set())
        if choice is FAILED or config is FAILED:
            return FAILED
        chosen = Chosen(choice.kind, config)
        (annotation, *_) = options(field.type)
        if item_type(annotation) is None:
            return chosen
        return (chosen,) if get_origin(annotation) is tuple else [chosen]


def _is_open(kind: Kind | None) -> bool:
    """Whether the keys of a kind are not known: it is not built, and nobody has described it."""
    return kind is not None and not kind.built and kind.config is None
