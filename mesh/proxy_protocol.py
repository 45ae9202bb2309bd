"""The PROXY protocol, versions 1 and 2: whom a proxy in front of us speaks for, said before anything else.

Bytes in, values out, and the other way round; `receive_introduction` does it on a connection.
Source: HAProxy, doc/proxy-protocol.txt, section 2.
"""

import ipaddress
import math
from typing import Literal

import attrs
import trio

from mesh.errors import RemoteProtocolError
from mesh.transport import SocketConnection

Version = Literal["v1", "v2"]
_Host = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_V2_BYTES = 4096  # with its extensions; those of AWS and of HAProxy with TLS have a few hundred

_V1, _V2 = b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n"
_LOCAL, _PROXY = 0x20, 0x21
_ADDRESSES = {0x11: 4, 0x12: 4, 0x21: 16, 0x22: 16}  # bytes of one address, by family and transport
_WITHOUT = {0x00: 0, 0x31: 216, 0x32: 216}  # unspecified, and sockets of Unix: bytes of both


@attrs.frozen
class Introduction:
    """What a proxy says first, in `size` bytes: `source` is whom it speaks for (`host:port`), empty if for itself."""

    size: int
    source: str


def read_introduction(data: bytes, max_v1_bytes: int = 107) -> Introduction | None:
    """Return what the bytes begin with; None if more must come. Raises `RemoteProtocolError` as soon as it cannot be one."""
    if data.startswith(_V2):
        return _read_v2(data)
    if data.startswith(_V1):
        return _read_v1(data, max_v1_bytes)
    if _V1.startswith(data) or _V2.startswith(data):
        return None
    raise RemoteProtocolError(f"expected the PROXY protocol, not {data[:12]!r}")


def introduce(version: Version, source: str, destination: str) -> bytes:
    """Return what tells an endpoint that a connection is made for `source`, who connected to `destination`.

    Both are `host:port`. A source that is no address of IPv4 or IPv6 is not told: that is `UNKNOWN`, or `LOCAL`.
    A destination that is unknown is all zeros.
    """
    try:
        (source_host, source_port), (host, port) = _parted(source), _parted(destination or "0.0.0.0:0")
    except ValueError:
        return b"PROXY UNKNOWN\r\n" if version == "v1" else _V2 + bytes((_LOCAL, 0, 0, 0))
    if source_host.version != host.version:  # there is one family for both
        source_host, host = _wide(source_host), _wide(host)
    if version == "v1":
        return f"PROXY TCP{host.version} {source_host} {host} {source_port} {port}\r\n".encode()
    content = source_host.packed + host.packed + source_port.to_bytes(2, "big") + port.to_bytes(2, "big")
    return _V2 + bytes((_PROXY, 0x11 if host.version == 4 else 0x21)) + len(content).to_bytes(2, "big") + content


async def receive_introduction(below: SocketConnection, seconds: float, max_v1_bytes: int) -> None:
    """Take what the proxy at the other end says first, and make `below.peer` the one that it speaks for.

    Nothing beyond is taken. Raises `RemoteProtocolError`, having closed the connection, if nothing that makes sense came
    within `seconds`.
    """
    below.deadline = trio.current_time() + seconds
    seen, introduction = b"", None
    try:
        while introduction is None:
            more = await below.peek(len(seen), max(MAX_V2_BYTES, max_v1_bytes))
            if len(more) <= len(seen):
                raise RemoteProtocolError("it ended before it had said whom it speaks for (PROXY protocol)")
            seen = more
            introduction = read_introduction(seen, max_v1_bytes)
        below.receive_now(introduction.size)
    except BaseException as error:
        below.close()
        if isinstance(error, trio.TooSlowError):
            raise RemoteProtocolError(f"nothing in the PROXY protocol came within {seconds:g} s") from error
        if isinstance(error, trio.BrokenResourceError):
            raise RemoteProtocolError(f"it went away before it spoke: {error}") from error
        raise
    below.peer = introduction.source or below.peer
    below.deadline = math.inf


def _parted(address: str) -> tuple[_Host, int]:
    """Return host and port, which the protocol tells apart; an address of IPv4 in IPv6's clothes is one of IPv4."""
    host, _, port = address.rpartition(":")
    parsed = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return mapped or parsed, int(port)


def _wide(host: _Host) -> ipaddress.IPv6Address:
    return ipaddress.IPv6Address(f"::ffff:{host}") if isinstance(host, ipaddress.IPv4Address) else host


def _read_v1(data: bytes, most: int) -> Introduction | None:
    end = data.find(b"\r\n", 0, most)
    if end < 0:
        if len(data) >= most or b"\n" in data:
            raise RemoteProtocolError(f"a line of the PROXY protocol with more than {most} bytes, or without its end")
        return None
    size = end + 2
    _proxy, family, *parts = data[:end].split(b" ")
    if family == b"UNKNOWN":
        return Introduction(size, "")
    if family not in (b"TCP4", b"TCP6") or len(parts) != 4:
        raise RemoteProtocolError(f"a line of the PROXY protocol that makes no sense: {data[:end]!r}")
    version = 4 if family == b"TCP4" else 6
    source, _destination = (_address(part, version) for part in parts[:2])
    port, _own_port = (_port(part) for part in parts[2:])
    return Introduction(size, _shown(source, port))


def _address(text: bytes, version: int) -> str:
    try:
        address = ipaddress.ip_address(text.decode("ascii"))
    except ValueError:
        address = None
    if address is None or address.version != version or b"%" in text:
        raise RemoteProtocolError(f"expected an address of IPv{version} in the PROXY protocol, not {text!r}")
    return str(address)


def _port(text: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or (text[:1] == b"0" and len(text) > 1) or int(text) > 65535:
        raise RemoteProtocolError(f"expected a port in the PROXY protocol, not {text!r}")
    return int(text)


def _read_v2(data: bytes) -> Introduction | None:
    if len(data) < 16:
        return None
    command, family = data[12], data[13]
    size = 16 + int.from_bytes(data[14:16], "big")
    if command not in (_LOCAL, _PROXY):
        raise RemoteProtocolError(f"the command 0x{command:02x} of the PROXY protocol: expected 0x20 or 0x21")
    if family not in _ADDRESSES and family not in _WITHOUT:
        raise RemoteProtocolError(f"the family 0x{family:02x} of the PROXY protocol is unknown")
    if size > MAX_V2_BYTES:
        raise RemoteProtocolError(f"{size} bytes in the PROXY protocol: expected at most {MAX_V2_BYTES}")
    width = _ADDRESSES.get(family, 0)
    least = _WITHOUT.get(family, 2 * width + 4)
    if command == _PROXY and size - 16 < least:
        raise RemoteProtocolError(f"addresses of {size - 16} bytes in the PROXY protocol: expected at least {least}")
    if len(data) < size:
        return None
    if command == _LOCAL or not width:
        return Introduction(size, "")
    port = int.from_bytes(data[16 + 2 * width : 18 + 2 * width], "big")
    return Introduction(size, _shown(str(ipaddress.ip_address(data[16 : 16 + width])), port))


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
