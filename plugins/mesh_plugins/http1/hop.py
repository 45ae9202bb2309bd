"""Which fields belong to one connection or to the framing, and so never travel on as they came."""

from mesh import Fields

CONNECTION_FIELDS = frozenset(
    {
        b"connection",
        b"content-length",
        b"http2-settings",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields taken off every message read, and refused in every message to write: the codec writes its own.

Source: RFC 9110 section 7.6.1, and linkerd's list, which has the two `proxy-auth…` fields too.
"""

# A client that names one of these in `connection` wants the next hop to miss what it must not miss: who is asking, for
# what, how the body is coded, and which way it came. Such a nomination has no effect.
_NEVER_NOMINATED = frozenset(
    {
        b"authorization",
        b"cache-control",
        b"cookie",
        b"date",
        b"expect",
        b"forwarded",
        b"host",
        b"max-forwards",
        b"set-cookie",
        b"via",
        b"www-authenticate",
    }
)
_NEVER_NOMINATED_PREFIXES = (b"content-", b"finagle-", b"l5d-", b"x-forwarded-")

# A trailer comes after everybody has decided about the message. Source: RFC 9110 section 6.5.1.
_NOT_IN_TRAILERS = (
    CONNECTION_FIELDS
    | _NEVER_NOMINATED
    | {
        b"age",
        b"authentication-info",
        b"expires",
        b"if-match",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"if-unmodified-since",
        b"location",
        b"pragma",
        b"proxy-authentication-info",
        b"range",
        b"retry-after",
        b"vary",
        b"warning",
    }
)

_FRAMING_FIELDS = (b"content-length", b"transfer-encoding")


def nominated(options: frozenset[bytes]) -> frozenset[bytes]:
    """Return the fields that the options of a `connection` field take off the message, the usual ones not counted."""
    return frozenset(
        option
        for option in options - CONNECTION_FIELDS - _NEVER_NOMINATED - {b"close"}
        if not option.startswith(_NEVER_NOMINATED_PREFIXES)
    )


def passable_trailers(trailers: Fields) -> Fields:
    """Return the trailers that may travel on: nothing that frames, routes, authorises or describes the content."""
    return [
        item
        for item in trailers
        if item[0] not in _NOT_IN_TRAILERS and not item[0].startswith(_NEVER_NOMINATED_PREFIXES)
    ]


def looks_like_framing(name: bytes) -> bool:
    """Return whether `name` would be taken for a framing field by a server that reads `_` as `-` (CGI, WSGI)."""
    return b"_" in name and name.replace(b"_", b"-") in _FRAMING_FIELDS
