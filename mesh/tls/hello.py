"""The first thing a TLS client says, read without answering: which server it wants, and what it can speak. Sans-io.

Theory of operation. A ClientHello is one handshake message in one or several records, which come in pieces of any size.
What comes is copied into the message as it comes, so that the work is proportional to the bytes however they are cut; the
message is looked into once, when it is whole. Every length must add up exactly: two readers that disagree about where the
server name stands would route to one and serve from another. Source: RFC 8446 sections 4.1.2, 4.2 and 5.1; RFC 6066
section 3, RFC 7301 section 3.1.
"""

import ipaddress
import re

from mesh.errors import RemoteProtocolError

MAX_MESSAGE_BYTES = 16384  # Envoy's bound; with post-quantum key shares a ClientHello has some 2,000 bytes
MAX_BYTES = 2 * MAX_MESSAGE_BYTES  # with the headers of its records, of which RFC 8446 allows one for each byte
MAX_RECORD_BYTES = 16384

HANDSHAKE = 22
CLIENT_HELLO = 1
SERVER_NAME = 0
PROTOCOLS = 16
HOST_NAME = 0

_LABEL = rb"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_NAME = re.compile(
    rb"(?=.{1,253}\Z)(?:%b\.)*+(?!\d+\Z)%b" % (_LABEL, _LABEL)
)  # the last label of an address is a number


class HelloReader:
    """Reads one ClientHello. `is_tls` is false once it is clear that the client speaks something else.

    The mutable state: `_rest` is what has come of a record's header, `_left` what is missing of a record.
    """

    __slots__ = ("_count", "_left", "_message", "_rest", "is_done", "is_tls", "protocols", "server_name")

    def __init__(self) -> None:
        self._message = bytearray()
        self._rest = b""
        self._left = 0
        self._count = 0
        self.is_done = False
        self.is_tls = True
        self.server_name = b""
        """The name of the wanted server, in lower case; empty if the client does not say."""
        self.protocols: tuple[bytes, ...] = ()
        """What the client can speak above TLS (ALPN); empty if it does not say."""

    def feed(self, data: bytes) -> bool:
        """Take what came next; return whether there is nothing more to find out. Bytes beyond are not looked at.

        Raises `RemoteProtocolError` for a hello that is broken, or longer than any should be.
        """
        if self.is_done:
            return True
        self._count += len(data)
        data = self._rest + data
        if not self._message and not self._left and data and data[0] != HANDSHAKE:
            self.is_tls = False
            self.is_done = True
            return True
        self._read_records(data)
        if not self.is_done and self._count > MAX_BYTES:
            raise RemoteProtocolError(f"a ClientHello of more than {MAX_BYTES} bytes in its records")
        return self.is_done

    def _read_records(self, data: bytes) -> None:
        place, end = 0, len(data)
        while not self.is_done and place < end:
            if not self._left:
                if end - place < 5:
                    break
                self._left = _record_size(data[place : place + 5])
                place += 5
            piece = data[place : place + self._left]
            place += len(piece)
            self._left -= len(piece)
            self._message += piece
            self._look()
        self._rest = b"" if self.is_done else data[place:]

    def _look(self) -> None:
        """Read the message if it is whole; raise as soon as it cannot become one."""
        message = self._message
        if message and message[0] != CLIENT_HELLO:
            raise RemoteProtocolError(f"expected a ClientHello, not the TLS handshake message {message[0]}")
        if len(message) < 4:
            return
        size = int.from_bytes(message[1:4], "big")
        if size > MAX_MESSAGE_BYTES:
            raise RemoteProtocolError(f"a ClientHello of {size} bytes: expected at most {MAX_MESSAGE_BYTES}")
        if len(message) < size + 4:
            return
        if len(message) > size + 4 or self._left:
            raise RemoteProtocolError("something follows the ClientHello in its record")
        self.server_name, self.protocols = wishes(bytes(message[4:]))
        self.is_done = True


def _record_size(header: bytes) -> int:
    kind, major, size = header[0], header[1], int.from_bytes(header[3:5], "big")
    if kind != HANDSHAKE or major != 3:
        raise RemoteProtocolError(f"expected a TLS record of a handshake, not the header {header.hex()}")
    if not 0 < size <= MAX_RECORD_BYTES:
        raise RemoteProtocolError(f"a TLS record of {size} bytes: expected 1 to {MAX_RECORD_BYTES}")
    return size


def wishes(hello: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the server name in the body of a ClientHello, in lower case, or `b""`, and the protocols above TLS (ALPN).

    Raises `RemoteProtocolError`.
    """
    parts = _Parts(hello)
    version = parts.take(2)
    if version[0] != 3:
        raise RemoteProtocolError(f"a ClientHello of the version {version.hex()}: expected TLS")
    parts.take(32)  # the random
    parts.vector(1, most=32)  # the session's id
    if len(parts.vector(2, least=2)) % 2:
        raise RemoteProtocolError("the cipher suites of a ClientHello do not add up")
    parts.vector(1, least=1)  # the ways to compress
    if parts.is_empty:
        return b"", ()
    extensions = _Parts(parts.vector(2))
    parts.expect_empty()
    seen: set[bytes] = set()
    name = b""
    protocols: tuple[bytes, ...] = ()
    while not extensions.is_empty:
        kind, content = extensions.take(2), extensions.vector(2)
        if kind in seen:
            raise RemoteProtocolError(f"the TLS extension {int.from_bytes(kind, 'big')} twice: expected one")
        seen.add(kind)
        if int.from_bytes(kind, "big") == SERVER_NAME:
            name = _host_name(content)
        elif int.from_bytes(kind, "big") == PROTOCOLS:
            protocols = _protocols(content)
    return name, protocols


def _host_name(content: bytes) -> bytes:
    """Return the only name of a server name extension."""
    whole = _Parts(content)
    names = _Parts(whole.vector(2, least=1))
    whole.expect_empty()
    kind, name = names.take(1), names.vector(2, least=1)
    names.expect_empty()
    if kind[0] == HOST_NAME and _is_address(name):
        return b""  # which RFC 6066 forbids, but wrk and other programs send: no name was asked for
    if kind[0] != HOST_NAME or _NAME.fullmatch(name) is None:
        raise RemoteProtocolError(f"expected the name of a host in the server name, not {name[:40]!a}")
    return name.lower()


def _is_address(name: bytes) -> bool:
    try:
        ipaddress.ip_address(name.decode("ascii"))
    except ValueError:
        return False
    return True


def _protocols(content: bytes) -> tuple[bytes, ...]:
    whole = _Parts(content)
    names = _Parts(whole.vector(2, least=2))
    whole.expect_empty()
    found = []
    while not names.is_empty:
        found.append(names.vector(1, least=1))
    return tuple(found)


class _Parts:
    """Takes a message apart, part by part. State: `_place`, where the next part begins."""

    __slots__ = ("_bytes", "_place")

    def __init__(self, octets: bytes) -> None:
        self._bytes = octets
        self._place = 0

    @property
    def is_empty(self) -> bool:
        return self._place == len(self._bytes)

    def take(self, size: int) -> bytes:
        """Return the next `size` bytes."""
        part = self._bytes[self._place : self._place + size]
        if len(part) < size:
            raise RemoteProtocolError("the lengths in a ClientHello do not add up")
        self._place += size
        return part

    def vector(self, length_size: int, *, least: int = 0, most: int = 65535) -> bytes:
        """Return the next part, which begins with its length in `length_size` bytes."""
        size = int.from_bytes(self.take(length_size), "big")
        if not least <= size <= most:
            raise RemoteProtocolError(f"a part of {size} bytes in a ClientHello: expected {least} to {most}")
        return self.take(size)

    def expect_empty(self) -> None:
        if not self.is_empty:
            raise RemoteProtocolError("the lengths in a ClientHello do not add up")
