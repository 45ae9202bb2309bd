"""Budgets and back-offs: how often, and when, something is tried again."""

from typing import Literal

import attrs

from mesh.keys import key


@attrs.frozen(kw_only=True)
class RetryBudget:
    """How many repeats there may be, as a share of the requests."""

    min_retries_per_sec: int = key("Repeats per second that are always allowed.", 10, least=0)
    percent_can_retry: float = key(
        "Repeats per request beyond that: 0.2 is one in five, 2.0 two for each.", 0.2, least=0, most=1000
    )
    ttl_secs: int = key("How long a request counts, in seconds.", 10, least=1, most=60)


@attrs.frozen(kw_only=True)
class Backoff:
    """How long to wait before the next try. Raises `ValueError` for keys that do not go together."""

    kind: Literal["constant", "jittered"] = key(
        "`constant`: always `ms`; `jittered`: random between `minMs` and three times the wait before, at most `maxMs`."
    )
    ms: int = key("The wait of a constant back-off, in ms.", 0, least=0)
    min_ms: int | None = key("The shortest wait of a jittered back-off, in ms.", None, least=1)
    max_ms: int | None = key("The longest wait of a jittered back-off, in ms.", None, least=1)

    def __attrs_post_init__(self) -> None:
        if self.kind == "constant":
            if self.min_ms is not None or self.max_ms is not None:
                raise ValueError("'minMs' and 'maxMs' belong to the kind jittered")
            return
        for name, value in (("minMs", self.min_ms), ("maxMs", self.max_ms)):
            if value is None:
                raise ValueError(f"'{name}' must be specified")
        if self.ms:
            raise ValueError("'ms' belongs to the kind constant")
        if self.min_ms and self.max_ms and self.min_ms > self.max_ms:
            raise ValueError(f"'minMs' ({self.min_ms}) must not be greater than 'maxMs' ({self.max_ms})")


def _at_once() -> Backoff:
    return Backoff(kind="constant", ms=0)


@attrs.frozen(kw_only=True)
class Retries:
    """What happens to a request whose failure its classifier calls retryable."""

    budget: RetryBudget = key("How many retries there may be.", factory=RetryBudget)
    backoff: Backoff = key("The wait before each retry; none by default.", factory=_at_once)
    max_attempts: int = key("Attempts of one request at most, the first one included.", 3, least=1)
    buffer_bytes: int = key(
        "The largest body, in bytes, that is kept while it is sent, so that it can be sent again.", 65536, least=0
    )
