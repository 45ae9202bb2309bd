"""What the built-in plugins bring."""

from mesh.plugins import Kinds
from mesh_plugins.kinds import KINDS
from mesh_plugins.registration import mesh_kinds


def test_every_name_is_brought_once() -> None:
    kinds = Kinds(mesh_kinds())  # which refuses a name that is brought twice

    assert set(KINDS) <= set(kinds.all())


def test_what_is_built_is_not_planned_any_more() -> None:
    kinds = mesh_kinds()
    built = {(kind.category, name) for kind in kinds if kind.built for name in kind.names}
    planned = {(kind.category, name) for kind in kinds if not kind.built for name in kind.names}

    assert built & planned == set()
