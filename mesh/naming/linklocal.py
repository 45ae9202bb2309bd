"""Link-local addresses: those of the machine's own surroundings, where clouds serve credentials.

A request's override is honoured, but never to such an address. Source: RFC 3927 (169.254.0.0/16), RFC 4291 section 2.5.6
(fe80::/10).
"""

import socket

from mesh.endpoint import Addr, AddrBound, AddrFailed
from mesh.var import Computed, Readable

_MAPPED = b"\0" * 10 + b"\xff\xff"  # an IPv4 address written as an IPv6 one, RFC 4291 section 2.5.5.2


def link_local(addr: Addr) -> str:
    """Return the first link-local endpoint of `addr` as text, or an empty text."""
    if not isinstance(addr, AddrBound):
        return ""
    return next((str(endpoint) for endpoint in addr.endpoints if is_link_local(endpoint.host)), "")


def guarded(addr: Readable[Addr]) -> Readable[Addr]:
    """Return `addr`, but failed for as long as it holds a link-local address: a name may come to lead there later."""

    def guard(now: Addr) -> Addr:
        refused = link_local(now)
        return AddrFailed(f"the override leads to {refused}, a link-local address") if refused else now

    return Computed(lambda read: guard(read(addr)))


def is_link_local(host: str) -> bool:
    """Whether `host` is a link-local address, in any of the ways in which one can be written; a name is none."""
    packed = _pack(host).removeprefix(_MAPPED)
    if len(packed) == 4:
        return packed.startswith(b"\xa9\xfe")
    return len(packed) == 16 and packed[0] == 0xFE and packed[1] & 0xC0 == 0x80


def _pack(host: str) -> bytes:
    for family, text in ((socket.AF_INET, host), (socket.AF_INET6, host.partition("%")[0])):
        try:
            return socket.inet_pton(family, text)
        except (OSError, ValueError):
            continue
    try:
        return socket.inet_aton(host)  # 169.254.1 and 0xa9fe0001 are addresses, too
    except (OSError, ValueError):
        return b""
