"""When log files are rolled, and what they are called then."""

import math
from datetime import datetime

import pytest

from mesh_plugins.access_log.rolling import RollPolicy

WEDNESDAY = datetime(2016, 1, 6, 21, 21, 26)


def at(*when: int) -> float:
    return datetime(*when).timestamp()  # type: ignore[arg-type]  # numbers of a date


@pytest.mark.parametrize(
    ("text", "next_roll", "suffix"),
    [
        ("never", math.inf, "2016"),
        ("SigHup", math.inf, "2016"),
        ("Hourly", at(2016, 1, 6, 22), "20160106-21"),
        ("daily", at(2016, 1, 7), "20160106"),
        ("weekly(1)", at(2016, 1, 10), "20160106"),
        ("Weekly(4)", at(2016, 1, 13), "20160106"),
        ("weekly(5)", at(2016, 1, 7), "20160106"),
        ("3.megabytes", math.inf, "20160106-212126"),
    ],
)
def test_a_policy_says_when_and_how(text: str, next_roll: float, suffix: str) -> None:
    policy = RollPolicy.read(text)

    assert (policy.next_roll(WEDNESDAY.timestamp()), policy.suffix(WEDNESDAY.timestamp())) == (next_roll, suffix)
    assert str(policy) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3.megabytes", 3 * 2**20),
        ("1.byte", 1),
        ("10 kb", 10240),
        ("2.gigabytes", 2**31),
        ("500", 500),
        ("1.kilobyte", 1024),
    ],
)
def test_a_size_is_read_in_steps_of_1024(text: str, expected: int) -> None:
    assert RollPolicy.read(text).max_bytes == expected


@pytest.mark.parametrize("text", ["sometimes", "weekly(8)", "weekly", "0.bytes", "-1", "3.5.megabytes", ""])
def test_what_is_no_policy_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no policy; expected `never`"):
        RollPolicy.read(text)
