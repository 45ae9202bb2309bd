"""The retry budget: a bucket of tokens that expire, credited by requests and debited by repeats.

Source: finagle-core, service/RetryBudget.scala; util-core, WindowedAdder.scala and TokenBucket.scala.
"""

from collections import deque
from collections.abc import Callable
from functools import partial

import attrs

from mesh import Counter

SLICES = 10
ROUNDING = 1e-9  # seconds that a slice ends early, since 4.6 - 3.6 is less than 1
DEPOSIT = 1000  # tokens a credit adds; a debit costs this divided by the share of requests that may be repeated


class WindowedAdder:
    """A sum over the last `range_seconds`, kept in slices that drop out as time passes. Slices drift with use, as Finagle's."""

    __slots__ = ("_clock", "_current", "_due", "_past", "_slice")

    def __init__(self, range_seconds: float, slices: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._slice = range_seconds / slices
        self._past = [0] * (slices - 1)
        self._current = 0
        self._due = clock() + self._slice - ROUNDING

    def add(self, amount: int) -> None:
        """Add to the present slice."""
        if self._clock() >= self._due:
            self._expire()
        self._current += amount

    def sum(self) -> int:
        """Return the sum over the window."""
        if self._clock() >= self._due:
            self._expire()
        return self._current + sum(self._past)

    def _expire(self) -> None:
        now = self._clock()
        skipped = min(int((now - self._due) / self._slice), len(self._past))
        self._past = ([0] * skipped + [self._current] + self._past)[: len(self._past)]
        self._current = 0
        self._due = now + self._slice - ROUNDING


class TokenBucket(WindowedAdder):
    """Tokens beyond a reserve. What was put in (`add`) and what was taken out both expire after `ttl_seconds`."""

    __slots__ = ("_reserve",)

    def __init__(self, ttl_seconds: float, reserve: int, clock: Callable[[], float]) -> None:
        super().__init__(ttl_seconds, SLICES, clock)
        self._reserve = reserve

    @property
    def count(self) -> int:
        """How many tokens can be taken out now."""
        return self.sum() + self._reserve

    def try_take(self, amount: int) -> bool:
        """Take tokens out; return false, and take none, if there are not so many."""
        if self.count < amount:
            return False
        self.add(-amount)
        return True


@attrs.frozen
class BudgetLimits:
    """How much may be repeated: a share of the requests, and a reserve per second, both within the time to live."""

    min_retries_per_sec: float = 10
    percent_can_retry: float = 0.2
    ttl_seconds: float = 10.0

    @property
    def prices(self) -> tuple[int, int]:
        """The tokens that a request earns, and those that a repeat costs."""
        return (DEPOSIT, int(DEPOSIT / self.percent_can_retry)) if self.percent_can_retry else (0, 1)

    @property
    def reserve(self) -> int:
        """The tokens that are there without any request."""
        return int(self.min_retries_per_sec * self.ttl_seconds) * self.prices[1]


class UnspentBudget:
    """What a budget would hold that earned for each request and that nobody spends of: worked out when it is looked at.

    `requests` counts since the start. When it was how high is known from the looks: it is taken to have grown evenly between
    two of them.
    """

    __slots__ = ("_clock", "_limits", "_looks", "_requests")

    def __init__(self, limits: BudgetLimits, requests: Counter, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._requests = requests
        self._clock = clock
        self._looks = deque([(clock(), requests.value)])

    @property
    def balance(self) -> int:
        """How many repeats could be afforded now."""
        limits, looks, now, counted = self._limits, self._looks, self._clock(), self._requests.value
        begin = now - limits.ttl_seconds
        while len(looks) > 1 and looks[1][0] <= begin:
            looks.popleft()
        before, known = looks[0]
        if before < begin:
            after, grown = looks[1] if len(looks) > 1 else (now, counted)
            known += (grown - known) * (begin - before) / (after - before)
        if now - looks[-1][0] >= limits.ttl_seconds / SLICES:
            looks.append((now, counted))
        credit, cost = limits.prices
        return (int((counted - known) * credit) + limits.reserve) // cost


class RetryBudget:
    """One budget; `deposit` after what earns credit, `try_withdraw` before each repeat. `clock` returns seconds."""

    __slots__ = ("_cost", "_tokens", "deposit")

    def __init__(self, limits: BudgetLimits, clock: Callable[[], float]) -> None:
        credit, self._cost = limits.prices
        self._tokens = TokenBucket(limits.ttl_seconds, limits.reserve, clock)
        self.deposit = partial(self._tokens.add, credit)
        """Earn the credit of one request."""

    @property
    def balance(self) -> int:
        """How many repeats can be afforded now."""
        return max(self._tokens.count // self._cost, 0)

    def try_withdraw(self) -> bool:
        """Pay for one repeat; return false, and pay nothing, if it cannot be afforded."""
        return self._tokens.try_take(self._cost)
