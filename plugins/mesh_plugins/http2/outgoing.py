"""What may be sent: the fields, request lines and statuses that this side was given to write."""

from mesh import LocalProtocolError
from mesh_plugins.http1.grammar import is_target, is_token, is_value
from mesh_plugins.http1.hop import CONNECTION_FIELDS, looks_like_framing

_SCHEMES = frozenset({b"http", b"https"})


def check_field(name: bytes, value: bytes) -> None:
    """Raise `LocalProtocolError` unless the field may be written as it stands."""
    if not isinstance(name, bytes) or not isinstance(value, bytes):
        raise LocalProtocolError(f"header {name!r}: expected bytes, not {type(name).__name__}, {type(value).__name__}")
    if not is_value(value):
        raise LocalProtocolError(f"header {name[:40]!r} has a control byte in its value, or white space around it")
    if not is_token(name) or name != name.lower():
        raise LocalProtocolError(f"{name[:40]!r} is not a lower-case header name")
    if (name in CONNECTION_FIELDS and (name != b"te" or value != b"trailers")) or looks_like_framing(name):
        raise LocalProtocolError(f"header {name.decode()!r} is the codec's to write: set the body or its size instead")
    if name == b"host":
        raise LocalProtocolError("a second Host field, or one that is not in a request: expected one")


def check_request(method: bytes, target: bytes, scheme: bytes) -> None:
    """Raise `LocalProtocolError` unless a request can be for `target`."""
    if not is_token(method) or method == b"CONNECT":
        raise LocalProtocolError(f"{method[:40]!r} is not a method that can be sent")
    if not is_target(target):
        raise LocalProtocolError(f"{target[:40]!r} is not a target in origin form, or has bytes to percent-encode")
    if scheme not in _SCHEMES:
        raise LocalProtocolError(f"{scheme[:40]!r} is not a scheme: expected http or https")


def check_status(status: int) -> None:
    """Raise `LocalProtocolError` unless a reply can have the status. Source: RFC 9113 section 8.6 for 101."""
    if not 100 <= status <= 999 or status == 101:
        raise LocalProtocolError(f"{status} is not a status that can be sent in HTTP/2")
