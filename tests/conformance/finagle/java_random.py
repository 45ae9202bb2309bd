"""The random source of Finagle, so that its jitter can be told in advance."""

from random import Random


class JavaRandom(Random):
    """Draws what Java's `Random` does, nanosecond by nanosecond. Source: java.util.Random; Finagle's Rng.scala."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._state = (seed ^ 0x5DEECE66D) & ((1 << 48) - 1)

    def _next_int(self) -> int:
        self._state = (self._state * 0x5DEECE66D + 0xB) & ((1 << 48) - 1)
        number = self._state >> 16
        return number - (1 << 32) if number >= 1 << 31 else number

    def next_long(self, bound: int) -> int:
        """Draw a number below `bound`, which is no power of two."""
        while True:
            high, low = self._next_int(), self._next_int()
            bits = (((high << 32) + low) << 1 & ((1 << 64) - 1)) >> 1
            number = bits % bound
            if bits - number + bound - 1 < 1 << 63:
                return number

    def uniform(self, a: float, b: float) -> float:
        return a + self.next_long(round((b - a) * 1e9)) / 1e9
