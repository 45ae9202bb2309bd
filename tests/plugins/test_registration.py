"""What the built-in plugins bring."""

from mesh_plugins.kinds import KINDS
from mesh_plugins.registration import mesh_kinds


def test_every_name_is_brought_once() -> None:
    names = [(kind.category, name) for kind in mesh_kinds() for name in kind.names]

    assert len(names) == len(set(names))


def test_whatever_is_built_is_brought() -> None:
    assert set(KINDS) <= set(mesh_kinds())


def test_what_is_built_is_not_planned_any_more() -> None:
    kinds = mesh_kinds()
    built = {(kind.category, name) for kind in kinds if kind.built for name in kind.names}
    planned = {(kind.category, name) for kind in kinds if not kind.built for name in kind.names}

    assert built & planned == set()
