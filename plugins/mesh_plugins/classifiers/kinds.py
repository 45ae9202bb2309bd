"""The classifiers that are built in."""

from mesh import Category, Kind
from mesh_plugins.http.classifiers import (
    AllSuccessfulConfig,
    NonRetryable5XXConfig,
    RetryableAll5XXConfig,
    RetryableIdempotent5XXConfig,
    RetryableRead5XXConfig,
)
from mesh_plugins.http.protocols import OF_HTTP


def _both(name: str, summary: str, config: type, function: str) -> tuple[Kind, Kind]:
    """Return a classifier under its two names: linkerd has one for each version of HTTP."""
    factory = f"mesh_plugins.http.classifiers:{function}"
    return (
        Kind(f"io.l5d.http.{name}", Category.CLASSIFIER, summary, config, factory, protocols=OF_HTTP),
        Kind(f"io.l5d.h2.{name}", Category.CLASSIFIER, summary, config, factory, protocols=OF_HTTP),
    )


KINDS = (
    *_both(
        "nonRetryable5XX",
        "Statuses of 500 and above are failures that are not retried.",
        NonRetryable5XXConfig,
        "make_non_retryable_5xx",
    ),
    *_both(
        "retryableRead5XX",
        "Failures of GET, HEAD, OPTIONS and TRACE may be retried.",
        RetryableRead5XXConfig,
        "make_retryable_read_5xx",
    ),
    *_both(
        "retryableIdempotent5XX",
        "Failures of idempotent methods may be retried.",
        RetryableIdempotent5XXConfig,
        "make_retryable_idempotent_5xx",
    ),
    *_both("retryableAll5XX", "Every failure may be retried.", RetryableAll5XXConfig, "make_retryable_all_5xx"),
    *_both("allSuccessful", "Nothing is a failure.", AllSuccessfulConfig, "make_all_successful"),
)
