"""Fields that are not worth remembering, because each message has a value of its own, or is too soon another's."""

NEW_EACH_TIME = frozenset(
    {
        b"b3",
        b"forwarded",
        b"grpc-timeout",
        b"l5d-ctx-deadline",
        b"l5d-ctx-trace",
        b"l5d-reqid",
        b"traceparent",
        b"x-b3-parentspanid",
        b"x-b3-spanid",
        b"x-b3-traceid",
        b"x-envoy-expected-rq-timeout-ms",
        b"x-request-id",
    }
)
"""Ids, deadlines and times: no memo is asked about them."""

SOON_OLD = frozenset(
    {
        b"age",
        b"content-length",
        b"content-range",
        b"date",
        b"etag",
        b"expires",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"last-modified",
        b"location",
        b"range",
        b"set-cookie",
    }
)
"""Fields that come a few times alike and then never again: remembered, but given no place in a table."""
