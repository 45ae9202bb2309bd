"""The kinds of labelers."""

from mesh import load
from mesh_plugins.labelers.kinds import KINDS


def test_every_kind_can_be_loaded() -> None:
    assert [kind.name for kind in KINDS if not callable(load(kind))] == []
