from mesh.naming.trie import PrefixTrie


def matching(prefixes: list[list[bytes | None]], *elements: bytes) -> list[int]:
    return PrefixTrie(prefixes).matching(elements)


def test_the_last_prefix_comes_first() -> None:
    assert matching([[b"a"], [b"a", b"b"], [], [b"a"]], b"a", b"b") == [3, 2, 1, 0]


def test_a_wildcard_matches_any_one_element() -> None:
    assert matching([[None], [None, None], [b"a", None, b"c"]], b"a", b"b") == [1, 0]


def test_the_empty_prefix_matches_even_nothing() -> None:
    assert matching([[], [None], [b"a"]]) == [0]


def test_other_elements_match_nothing() -> None:
    assert matching([[b"a"], [b"ab", b"c"]], b"ab", b"d") == []


def test_an_empty_index_matches_nothing() -> None:
    assert matching([], b"a") == []
