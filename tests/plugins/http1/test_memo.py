"""Memos work out what is new, keep what repeats, and stay small."""

import pytest

from mesh_plugins.http1.memo import Memo


def test_a_value_that_comes_again_is_kept() -> None:
    seen: list[int] = []

    def work(key: int) -> int:
        seen.append(key)
        return key * 2

    memo = Memo(work, lambda *_: True)

    assert [memo[1], memo[1], memo[1], memo[2]] == [2, 2, 2, 4]
    assert seen == [1, 1, 2]


def test_a_refusal_is_not_kept() -> None:
    def refuse(key: int) -> int:
        raise ValueError(key)

    memo = Memo(refuse, lambda *_: True)

    for _ in range(2):
        with pytest.raises(ValueError, match="1"):
            memo[1]
    assert memo == {}


def test_only_what_may_be_kept_is_kept() -> None:
    memo: Memo[int, int] = Memo(lambda key: -key, lambda key, value: key + value == 0 and key < 2)

    assert [memo[1], memo[2], memo[1], memo[2]] == [-1, -2, -1, -2]
    assert memo == {1: -1}


def test_a_full_memo_starts_again() -> None:
    memo: Memo[int, int] = Memo(lambda key: key, lambda *_: True, most=3)

    for key in range(4):
        memo[key], memo[key]

    assert memo == {3: 3}


def test_what_never_comes_again_takes_no_room() -> None:
    memo: Memo[int, int] = Memo(lambda key: key, lambda *_: True, most=3)
    memo[0], memo[0]

    for key in range(1, 100):
        memo[key]

    assert memo == {0: 0}
    assert len(memo._once) <= 3
