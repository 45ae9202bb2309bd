"""What a fault cost, read from the answers that the clients got."""

from collections.abc import Callable, Sequence

import attrs

from tests.faults.load import Answer

WINDOW_SECONDS = 0.5
HURT_SECONDS = 0.25  # an answer that took longer than this was hurt by the fault
LEFT_SHARE = 0.05  # of the answers in a window that may still be hurt once the bad endpoint has been left
BACK_SHARE = 1 / 6  # of the answers that a healed endpoint gets again: half of a third


@attrs.frozen
class Cost:
    """What one fault cost. Times are in seconds, None where the question makes no sense or it did not happen.

    `failed` requests got no good reply; `broken` ones lost theirs after its head had been passed on, which shows. `grown`:
    bytes of memory that the linker took more at the end than at the beginning.
    """

    requests: int
    failed: int
    broken: int
    left_after: float | None
    back_after: float | None
    grown: int


def left_after(answers: Sequence[Answer], bad: str, begin: float, heal: float) -> float | None:
    """Return how long the fault was felt: until the end of the last window with more than a few hurt answers."""

    def is_hurt(answer: Answer) -> bool:
        return answer.failed or answer.broken or answer.backend == bad or answer.seconds > HURT_SECONDS

    hurt = [end for end, share in _windows(answers, is_hurt, begin, heal) if share > LEFT_SHARE]
    if not hurt:
        return 0.0
    return None if hurt[-1] > heal - WINDOW_SECONDS else hurt[-1] - begin


def back_after(answers: Sequence[Answer], bad: str, heal: float, end: float) -> float | None:
    """Return how long it took from the healing until the endpoint got a good part of its share again."""
    for window_end, share in _windows(answers, lambda answer: answer.backend == bad, heal, end):
        if share >= BACK_SHARE:
            return window_end - heal
    return None


def _windows(
    answers: Sequence[Answer], counts: Callable[[Answer], bool], begin: float, end: float
) -> list[tuple[float, float]]:
    """Return the end of each window between two times, and the share of the answers planned in it that count."""
    found = []
    for number in range(int((end - begin) / WINDOW_SECONDS)):
        start = begin + number * WINDOW_SECONDS
        within = [answer for answer in answers if start <= answer.planned < start + WINDOW_SECONDS]
        if within:
            found.append((start + WINDOW_SECONDS, sum(map(counts, within)) / len(within)))
    return found
