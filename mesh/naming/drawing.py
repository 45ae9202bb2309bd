"""Drawing an index at random by weight, in constant time."""

from collections import deque
from collections.abc import Sequence
from math import isfinite
from typing import Protocol

import attrs


class RandomSource(Protocol):
    """What a draw needs of `random.Random`."""

    def random(self) -> float:
        """Return a float in [0, 1)."""
        ...

    def randrange(self, stop: int, /) -> int:
        """Return an integer in [0, stop)."""
        ...


@attrs.frozen
class AliasTable:
    """Index `i` is drawn first, uniformly; it stays with probability `prob[i]` and else becomes `alias[i]`."""

    prob: tuple[float, ...]
    alias: tuple[int, ...]

    def draw(self, source: RandomSource) -> int:
        """Draw an index with one or two random numbers from `source`."""
        index = source.randrange(len(self.prob))
        probability = self.prob[index]
        if probability == 1 or source.random() < probability:
            return index
        return self.alias[index]


def alias_table(weights: Sequence[float]) -> AliasTable:
    """Make the table that draws index `i` in proportion to `weights[i]`; uniformly when all of them are zero.

    Raise `ValueError` when there is no weight, or one that is negative or not finite.
    Source: M. D. Vose, A Linear Algorithm for Generating Random Numbers with a Given Distribution, 1991, in the order of
    Finagle's Drv.scala (21.x), so that its tables come out the same.
    """
    if not weights:
        raise ValueError("requirement failed: at least one weight")
    if not all(isfinite(weight) and weight >= 0 for weight in weights):
        raise ValueError(f"requirement failed: every weight finite and not negative: {list(weights)!r}")
    size = len(weights)
    scaled = [share * size for share in _shares(weights)]
    prob = [1.0] * size
    alias = [0] * size
    small = deque(index for index in range(size) if scaled[index] < 1)
    large = deque(index for index in range(size) if scaled[index] >= 1)
    while small and large:
        less, more = small.popleft(), large.popleft()
        prob[less] = scaled[less]
        alias[less] = more
        scaled[more] = scaled[less] + scaled[more] - 1
        (small if scaled[more] < 1 else large).append(more)
    return AliasTable(tuple(prob), tuple(alias))


def _shares(weights: Sequence[float]) -> list[float]:
    total = 0.0
    for weight in weights:  # not `sum`, which rounds otherwise from Python 3.12 on
        total += weight
    if total == 0:
        return [1 / len(weights)] * len(weights)
    if not isfinite(total):  # each weight is a float, their sum is not
        return _shares([weight / max(weights) for weight in weights])
    return [weight / total for weight in weights]
