"""What says "not processed" in HTTP.

Only `finagle-http-nack` counts; a bare `Retry-After: 0` is an application's own business.
Source: finagle-base-http, HttpNackFilter.scala, `RetryableNackHeader`.
"""

from mesh import HttpReply, Reply, field


def is_nack(reply: Reply) -> bool:
    """Return whether a reply is a 503 that refuses the request before any work was done for it."""
    return (
        isinstance(reply, HttpReply) and reply.status == 503 and field(reply.headers, b"finagle-http-nack") is not None
    )


def is_unprocessed(reply: Reply) -> bool:
    """Return whether a reply says that its request was not processed, so that it may be sent again, whatever it asked for.

    Source: linkerd protocol/http, ResponseClassifiers.scala, `HeaderRetryable`.
    """
    return isinstance(reply, HttpReply) and field(reply.headers, b"l5d-retryable") == b"true"
