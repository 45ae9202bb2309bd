"""What a router's settings say of themselves."""

from mesh.settings import BindingCache


def test_a_bound_on_bound_names_is_said_to_have_no_effect() -> None:
    warnings = [list(cache.config_warnings()) for cache in (BindingCache(), BindingCache(bounds=10))]

    assert warnings == [[], [("bounds", "has no effect: a bound name has one stack, whatever its residual")]]
