"""The kinds that are built in."""

import attrs
import pytest

from mesh import Category, Kind, load
from mesh_plugins.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_factory_that_can_be_loaded(kind: Kind) -> None:
    assert callable(load(kind))
    assert not kind.serve or callable(load(kind, kind.serve))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_an_attrs_class_of_keys_and_a_summary(kind: Kind) -> None:
    parts = [kind.config, *kind.parts.values()]

    assert all(part is not None and attrs.has(part) for part in parts)
    assert kind.summary.endswith(".")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.category is Category.IDENTIFIER])
def test_an_identifier_is_for_its_protocol(kind: Kind) -> None:
    assert kind.protocols[0] == "http"
    assert kind.summary.startswith(("Names", "Gives"))
