from tests.bench.cpu import read_ticks

FIELDS = "S 1 2 3 4 5 6 7 8 9 10 250 30 99 99 20 0 4 0 100 200"


def test_user_and_system_ticks_are_added() -> None:
    actual = read_ticks(f"4242 (envoy) {FIELDS}\n")

    assert actual == 280


def test_a_name_with_spaces_and_parentheses_shifts_nothing() -> None:
    actual = read_ticks(f"4242 (a) b (c) {FIELDS}\n")

    assert actual == 280
