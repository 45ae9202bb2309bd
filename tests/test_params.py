from mesh.params import Param, Params

COLOUR = Param("red", "colour")


def test_a_param_nobody_put_has_its_default() -> None:
    assert Params()[COLOUR] == "red"


def test_putting_returns_new_params_and_leaves_the_old_ones() -> None:
    old = Params().put(COLOUR, "blue")

    new = old.put(COLOUR, "green")

    assert (old[COLOUR], new[COLOUR]) == ("blue", "green")


def test_what_was_put_before_stays() -> None:
    size = Param(1, "size")

    params = Params().put(COLOUR, "blue").put(size, 2)

    assert (params[COLOUR], params[size]) == ("blue", 2)


def test_params_that_look_alike_are_different_keys() -> None:
    other = Param("red", "colour")

    assert Params().put(other, "blue")[COLOUR] == "red"


def test_none_is_a_value_like_any_other() -> None:
    maybe: Param[str | None] = Param("something")

    assert Params().put(maybe, None)[maybe] is None
