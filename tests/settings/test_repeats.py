"""Back-offs whose keys do not go together."""

from typing import Any

import pytest

from mesh.settings import Backoff, Retries


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"kind": "jittered"}, "'minMs' must be specified"),
        ({"kind": "jittered", "min_ms": 1}, "'maxMs' must be specified"),
        ({"kind": "jittered", "max_ms": 1}, "'minMs' must be specified"),
        ({"kind": "jittered", "min_ms": 2, "max_ms": 1}, "'minMs' (2) must not be greater than 'maxMs' (1)"),
        ({"kind": "jittered", "min_ms": 1, "max_ms": 2, "ms": 3}, "'ms' belongs to the kind constant"),
        ({"kind": "constant", "min_ms": 1}, "'minMs' and 'maxMs' belong to the kind jittered"),
    ],
)
def test_a_backoff_is_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared whole
        Backoff(**keys)

    assert str(caught.value) == message


def test_retries_come_at_once_unless_somebody_says_otherwise() -> None:
    assert Retries().backoff == Backoff(kind="constant", ms=0)
