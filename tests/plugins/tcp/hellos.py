"""ClientHellos: real ones, and ones put together by hand."""

import ssl


def real(name: str | None) -> bytes:
    """Return the first flight of Python's TLS client."""
    context = ssl.create_default_context()
    if name is None:
        context.check_hostname = False
    sent = ssl.MemoryBIO()
    client = context.wrap_bio(ssl.MemoryBIO(), sent, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        return sent.read()
    raise AssertionError("a handshake without a server")


def vector(size: int, content: bytes) -> bytes:
    """Return a part with its length before it, in `size` bytes."""
    return len(content).to_bytes(size, "big") + content


def names(*pairs: tuple[int, bytes]) -> bytes:
    """Return a server name extension."""
    content = b"".join(bytes([kind]) + vector(2, name) for kind, name in pairs)
    return extension(0, vector(2, content))


def extension(kind: int, content: bytes = b"") -> bytes:
    return kind.to_bytes(2, "big") + vector(2, content)


def body(
    *extensions: bytes,
    version: bytes = b"\x03\x03",
    random: bytes = bytes(32),
    session: bytes = bytes(32),
    ciphers: bytes = b"\x13\x01",
    compressions: bytes = b"\x00",
) -> bytes:
    """Return what a ClientHello says, without the header of the message."""
    said = version + random + vector(1, session) + vector(2, ciphers) + vector(1, compressions)
    return said + (vector(2, b"".join(extensions)) if extensions else b"")


def message(said: bytes, kind: int = 1) -> bytes:
    """Return a handshake message."""
    return bytes([kind]) + vector(3, said)


def records(octets: bytes, size: int = 16384, version: bytes = b"\x03\x01") -> bytes:
    """Return handshake records of at most `size` bytes each."""
    pieces = [octets[start : start + size] for start in range(0, len(octets), size)]
    return b"".join(b"\x16" + version + vector(2, piece) for piece in pieces)


def hello(name: bytes = b"web.test") -> bytes:
    """Return a whole ClientHello in one record."""
    return records(message(body(extension(10, b"\0\0"), names((0, name)), extension(43, b"\0"))))
