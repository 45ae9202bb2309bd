"""Which protocols a client may ask to switch to. Source: RFC 9110 section 7.8."""

import re

NEVER = frozenset({b"h2c", b"http", b"tls"})
"""Protocols in which more requests would follow, past everything that looks at requests."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PROTOCOL = re.compile(rb"(%b)(?:/%b)?" % (_TOKEN, _TOKEN))


def offered(asked: bytes, allowed: frozenset[bytes]) -> bytes:
    """Return what of an `upgrade` field is passed on: the protocols in it that are allowed, in its order; maybe none."""
    return b", ".join(name for name in _split(asked) if name.lower() in allowed)


def is_among(chosen: bytes, asked: bytes) -> bool:
    """Return whether the endpoint's `upgrade` field names protocols, and only such as it was asked for."""
    names = set(_split(chosen.lower()))
    return bool(names) and names <= set(_split(asked.lower()))


def allowed(names: tuple[str, ...]) -> frozenset[bytes]:
    """Return the names that a stack file allows, in lower case. Raises `ValueError` for one that must not be."""
    lower = [name.lower().encode() for name in names]
    for name in lower:
        found = _PROTOCOL.fullmatch(name)
        if found is None:
            raise ValueError(f"{name.decode()!r} is not the name of a protocol, such as websocket")
        if found[1] in NEVER:
            raise ValueError(f"upgrades to {name.decode()} are not offered: what came after would pass by every filter")
    return frozenset(lower)


def _split(value: bytes) -> list[bytes]:
    return [item for part in value.split(b",") if (item := part.strip(b" \t"))]
