"""What a call came to, by its status."""

from typing import Any

import pytest

from mesh import (
    AttemptTimeout,
    ClientGone,
    ConnectFailed,
    DeadlineExceeded,
    HttpReply,
    MeshError,
    Outcome,
    Overloaded,
    Reply,
    Request,
    StreamReset,
    Unroutable,
    UpstreamBroken,
)
from mesh.testing import Trickle, reply
from mesh_plugins.grpc.classifiers import (
    NEVER,
    RETRIES_UNAVAILABLE,
    AlwaysRetryableConfig,
    CompliantConfig,
    DefaultConfig,
    NeverRetryableConfig,
    RetryableStatusCodesConfig,
    make_always_retryable,
    make_compliant,
    make_default,
    make_never_retryable,
    make_retryable_status_codes,
)
from mesh_plugins.http.gathered import Trailed

KINDS: dict[str, Any] = {
    "default": make_default(DefaultConfig()),
    "compliant": make_compliant(CompliantConfig()),
    "alwaysRetryable": make_always_retryable(AlwaysRetryableConfig()),
    "neverRetryable": make_never_retryable(NeverRetryableConfig()),
    "retryableStatusCodes": make_retryable_status_codes(
        RetryableStatusCodesConfig(retryable_status_codes=("aborted", 8))
    ),
}
LETTERS = {
    Outcome.SUCCESS: "s",
    Outcome.FAILURE: "f",
    Outcome.RETRYABLE: "r",
    Outcome.IGNORED: "i",
    Outcome.UNDECIDED: "u",
}


def says(kind: str, *results: Reply | MeshError) -> str:
    return "".join(LETTERS[KINDS[kind](Request(), result)] for result in results)


def ended(status: int) -> HttpReply:
    """Return a reply that came as a whole, with its trailers."""
    return reply(200, Trailed(b"\0\0\0\0\0", [(b"grpc-status", b"%d" % status)]))


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("default", "sffffffrf"),
        ("compliant", "sffffffrf"),
        ("alwaysRetryable", "srrrrrrrr"),
        ("neverRetryable", "sffffffff"),
        ("retryableStatusCodes", "sfffrrfff"),
    ],
)
def test_the_status_decides(kind: str, outcomes: str) -> None:
    assert says(kind, *map(ended, (0, 1, 2, 4, 8, 10, 13, 14, 16))) == outcomes


def test_a_reply_without_a_body_has_its_status_in_its_headers() -> None:
    statuses = [reply(200, headers={"grpc-status": number}) for number in ("0", "14", "x")]

    assert says("default", *statuses) == "srf"


async def test_the_end_tells_what_a_reply_is_that_still_comes() -> None:
    coming = reply(200, Trickle(b"a", trailers={"grpc-status": "14"}))
    before = says("default", coming)
    while await coming.body.receive():
        pass

    assert before + says("default", coming) == "ur"


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("default", "f"), ("compliant", "f"), ("alwaysRetryable", "r"), ("neverRetryable", "f")],
)
def test_a_reply_that_is_over_without_a_status_failed(kind: str, outcome: str) -> None:
    assert says(kind, reply(200, b"hello")) == outcome


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [("default", "fffffff"), ("compliant", "rrrrfff"), ("alwaysRetryable", "rrrrrrr"), ("neverRetryable", "fffffff")],
)
def test_what_is_no_reply_of_grpc_failed_at_once(kind: str, outcomes: str) -> None:
    statuses = [reply(status, Trickle(b"<html>")) for status in (429, 502, 503, 504, 401, 403, 500)]

    assert says(kind, *statuses) == outcomes


@pytest.mark.parametrize(
    ("kind", "outcomes"),
    [
        ("default", "ffffff"),
        ("compliant", "ffffrf"),
        ("alwaysRetryable", "frrrrr"),
        ("neverRetryable", "ffffff"),
        ("retryableStatusCodes", "ffffff"),
    ],
)
def test_an_error_has_no_status_but_what_its_reset_stands_for(kind: str, outcomes: str) -> None:
    resets = [StreamReset("reset", code=code) for code in (2, 7, 11)]

    assert says(kind, DeadlineExceeded("late"), AttemptTimeout("slow"), UpstreamBroken("broke"), *resets) == outcomes


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_certainly_not_begun_may_be_sent_again_and_what_is_nobodys_fault_does_not_count(kind: str) -> None:
    errors = [ConnectFailed("refused"), StreamReset("refused", code=7, retryable=True), Unroutable("nowhere")]

    assert says(kind, *errors, ClientGone("gone"), Overloaded("full")) == "rrfii"


def test_other_statuses_may_be_successes() -> None:
    config = NeverRetryableConfig(success_status_codes=(0, "NOT_FOUND"))
    classify = make_never_retryable(config)

    outcomes = [classify(Request(), ended(status)) for status in (0, 5, 6)]
    assert outcomes == [Outcome.SUCCESS, Outcome.SUCCESS, Outcome.FAILURE]


def test_a_reply_of_another_protocol_failed() -> None:
    assert says("default", Reply()) == "f"


@pytest.mark.parametrize("config", [DefaultConfig, CompliantConfig, AlwaysRetryableConfig, NeverRetryableConfig])
def test_what_is_no_status_is_refused_at_once(config: type) -> None:
    with pytest.raises(ValueError, match="'GONE' is no status"):
        config(success_status_codes=("GONE",))


def test_nor_can_it_be_retried() -> None:
    with pytest.raises(ValueError, match="17 is no status"):
        RetryableStatusCodesConfig(retryable_status_codes=(17,))


def test_the_usual_ones_are_shared_so_that_they_are_known() -> None:
    assert make_never_retryable(NeverRetryableConfig()) is NEVER
    assert make_default(DefaultConfig()) is RETRIES_UNAVAILABLE
