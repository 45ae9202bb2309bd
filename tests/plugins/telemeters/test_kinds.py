"""The kinds of telemeters: described without being imported, and built by their factories."""

from mesh import Category, load
from mesh_plugins.telemeters.kinds import KINDS


def test_each_kind_is_a_telemeter_with_a_summary_keys_and_a_factory() -> None:
    assert all(kind.category is Category.TELEMETER and kind.config is not None and kind.summary for kind in KINDS)
    assert [callable(load(kind)) for kind in KINDS] == [True] * len(KINDS)
