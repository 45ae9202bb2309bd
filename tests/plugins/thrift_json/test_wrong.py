from mesh_plugins.thrift_json.wrong import Wrong, listed, shown


def test_the_steps_to_a_value_are_told_from_the_outside_to_the_inside() -> None:
    wrong = Wrong("no").inside(".age").inside("[3]").inside(".users")

    assert wrong.place == "$.users[3].age"


def test_a_long_name_is_cut_off() -> None:
    assert Wrong("no").inside("." + "x" * 100).place == "$." + "x" * 63 + "..."


def test_a_long_list_of_names_is_cut_off() -> None:
    assert listed(dict.fromkeys("abcdefghijklmnopqrstuvwxyz", 0)) == f"{', '.join('abcdefghijklmnopqrst')}, ..."


def test_an_empty_list_of_names_is_nothing() -> None:
    assert listed({}) == "nothing"


def test_a_text_is_not_told_back() -> None:
    assert shown("secret") == "a text"
