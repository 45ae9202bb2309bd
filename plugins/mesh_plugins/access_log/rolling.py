"""When a log file is begun anew. Source: com.twitter.logging, Policy.scala and FileHandler.scala."""

import math
import re
from datetime import datetime, timedelta
from typing import ClassVar, Self

import attrs

_SIZE = re.compile(r"([0-9]+)\s*\.?\s*(bytes?|kilobytes?|megabytes?|gigabytes?|terabytes?|kb|mb|gb|tb)?")
_WEEKLY = re.compile(r"weekly\(([1-7])\)")
_POWERS = {"b": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_SUFFIXES = {"hourly": "%Y%m%d-%H", "daily": "%Y%m%d", "weekly": "%Y%m%d", "size": "%Y%m%d-%H%M%S"}


@attrs.frozen
class RollPolicy:
    """When a file is rolled: at the full hour, at midnight, at midnight before a day of the week, or at a size.

    `text` is how it was written, `every` one of `never`, `sighup`, `hourly`, `daily`, `weekly` and `size`; `weekday` counts
    from Sunday, 1. Times are this machine's.
    """

    text: str
    every: str = attrs.field(repr=False)
    weekday: int = attrs.field(default=0, repr=False)
    max_bytes: int | None = attrs.field(default=None, repr=False)

    EXPECTED: ClassVar = (
        "`never`, `sighup`, `hourly`, `daily`, `weekly(n)` with 1 for Sunday, or a size such as `3.megabytes`"
    )

    @classmethod
    def read(cls, text: str) -> Self:
        """Raise `ValueError` for what is no policy."""
        plain = text.strip().lower()
        if plain in ("never", "sighup", "hourly", "daily"):
            return cls(text, plain)
        weekly = _WEEKLY.fullmatch(plain)
        if weekly:
            return cls(text, "weekly", weekday=int(weekly[1]))
        size = _SIZE.fullmatch(plain)
        if size and int(size[1]):
            return cls(text, "size", max_bytes=int(size[1]) * 1024 ** _POWERS[(size[2] or "b")[0]])
        raise ValueError(f"{text!r} is no policy; expected {cls.EXPECTED}")

    def next_roll(self, now: float) -> float:
        """Return when a file that is opened at `now` is rolled, in seconds since 1970; never is infinity."""
        here = datetime.fromtimestamp(now)
        midnight = here.replace(hour=0, minute=0, second=0, microsecond=0)
        match self.every:
            case "hourly":
                return (here.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).timestamp()
            case "daily":
                return (midnight + timedelta(days=1)).timestamp()
            case "weekly":
                today = here.isoweekday() % 7 + 1
                return (midnight + timedelta(days=(self.weekday - today) % 7 or 7)).timestamp()
            case _:
                return math.inf

    def suffix(self, opened: float) -> str:
        """Return what the name of a rolled file gets: when it was opened, as exactly as the policy needs."""
        return datetime.fromtimestamp(opened).strftime(_SUFFIXES.get(self.every, "%Y"))

    def __str__(self) -> str:
        return self.text


NEVER = RollPolicy.read("never")
