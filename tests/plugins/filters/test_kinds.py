"""The filters that a stack file may add."""

import attrs
import pytest

from mesh import Kind, load
from mesh_plugins.filters.kinds import KINDS


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind_has_a_factory_keys_and_a_summary(kind: Kind) -> None:
    assert callable(load(kind))
    assert kind.config is not None
    assert attrs.has(kind.config)
    assert kind.summary.endswith(".")
