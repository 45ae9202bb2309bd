from tests.faults.load import Answer
from tests.faults.measure import back_after, left_after


def answers(*backends: str, start: float = 0.0, seconds: float = 0.01) -> list[Answer]:
    """Return answers ten to the half second, one after the other."""
    return [Answer(start + number * 0.05, seconds, 200, backend) for number, backend in enumerate(backends)]


def test_an_endpoint_is_left_when_hardly_an_answer_comes_from_it() -> None:
    found = answers(*"abcabcabca", *"bcbcbcabcb", *"bcbcbcbcbc", *"bcbcbcbcbc")

    assert left_after(found, "a", 0.0, 2.0) == 1.0


def test_an_endpoint_that_is_never_hurt_is_left_at_once() -> None:
    assert left_after(answers(*"bcbcbcbcbc", *"bcbcbcbcbc"), "a", 0.0, 1.0) == 0.0


def test_an_endpoint_that_is_hurt_to_the_end_was_not_left() -> None:
    assert left_after(answers(*"abcabcabca", *"abcabcabca"), "a", 0.0, 1.0) is None


def test_an_answer_that_took_long_was_hurt_whoever_gave_it() -> None:
    found = answers(*"bc", seconds=0.5) + answers(*"bcbcbcbcbc", start=0.5)

    assert left_after(found, "a", 0.0, 1.0) == 0.5


def test_an_endpoint_is_back_when_it_gets_half_of_its_share() -> None:
    found = answers(*"bcbcbcbcba", *"bcbcabcbca")

    assert back_after(found, "a", 0.0, 1.0) == 1.0
    assert back_after(found, "a", 0.0, 0.5) is None
