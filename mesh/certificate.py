"""What an X.509 certificate says of its owner: subject, names, and the time in which it is valid.

Bytes in, values out. Whether to believe a certificate is the TLS library's business; this only reads.
Source: RFC 5280 section 4.1, RFC 4514 for how a subject is written; X.690 for DER.
"""

import calendar
import ipaddress
import ssl
import time
from collections.abc import Iterator

import attrs

_SEQUENCE, _SET, _OID, _OCTETS = 0x30, 0x31, 0x06, 0x04
_UTC_TIME, _LONG_TIME = 0x17, 0x18
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_ALTERNATIVE_NAMES = bytes.fromhex("551d11")
_NAMES = {0x81: "email", 0x82: "DNS", 0x86: "URI"}
_ADDRESS = 0x87
_UTF16, _UTF32 = 0x1E, 0x1C  # BMPString, UniversalString
_ATTRIBUTES = {
    "550403": "CN",
    "550407": "L",
    "550408": "ST",
    "55040a": "O",
    "55040b": "OU",
    "550406": "C",
    "550409": "STREET",
    "0992268993f22c640119": "DC",
    "0992268993f22c640101": "UID",
}
_PEM_BEGIN, _PEM_END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"


@attrs.frozen
class Certificate:
    """The facts of one certificate.

    `subject` is in the order and the escapes of RFC 4514 (`CN=web.example,O=Acme`). `sans` are the subject alternative
    names with their kind: `DNS:web.example`, `URI:spiffe://mesh/web`, `IP:10.0.0.1`, `email:a@web.example`. The times are
    seconds since 1970.
    """

    subject: str
    sans: tuple[str, ...]
    not_before: float
    not_after: float

    @property
    def subject_name(self) -> str:
        """The first `CN` of the subject; empty if there is none."""
        for part in self.subject.split(","):
            if part.startswith("CN="):
                return part[3:]
        return ""


def read_certificate(der: bytes) -> Certificate:
    """Return what a certificate in DER says. Raises `ValueError` if it is none."""
    try:
        return _read(der)
    except (IndexError, StopIteration, UnicodeDecodeError) as error:
        raise ValueError(f"not a certificate: {error}") from error


def certificates_of(pem: str) -> list[bytes]:
    """Return the certificates of a PEM file, in DER, in their order. Raises `ValueError` if one is broken."""
    found = []
    for piece in pem.split(_PEM_BEGIN)[1:]:
        body, end, _rest = piece.partition(_PEM_END)
        if not end:
            raise ValueError(f"a certificate begins without `{_PEM_END}`")
        found.append(ssl.PEM_cert_to_DER_cert(f"{_PEM_BEGIN}{body}{_PEM_END}"))
    return found


def _read(der: bytes) -> Certificate:
    outer = _only(der, _SEQUENCE)
    parts = _parts(_only(outer, _SEQUENCE, whole=False))
    tag, _content = next(parts)
    if tag == _VERSION:
        next(parts)  # the serial number
    next(parts)  # the algorithm of the signature
    next(parts)  # the issuer
    _tag, validity = next(parts)
    _tag, subject = next(parts)
    begin, end = (_seconds(*time) for time in _parts(validity))
    sans: tuple[str, ...] = ()
    for tag, content in parts:
        if tag == _EXTENSIONS:
            sans = _alternative_names(content)
    return Certificate(_shown(subject), sans, begin, end)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the tag and the content of each element. Raises `ValueError` for one that is cut short."""
    pos = 0
    while pos < len(data):
        tag, size = data[pos], data[pos + 1]
        pos += 2
        if size >= 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4:
                raise ValueError("not a certificate: the length of an element is out of range")
            size = int.from_bytes(data[pos : pos + count], "big")
            pos += count
        if pos + size > len(data):
            raise ValueError("not a certificate: an element is cut short")
        yield tag, data[pos : pos + size]
        pos += size


def _only(data: bytes, tag: int, *, whole: bool = True) -> bytes:
    """Return the content of the first element, which must have `tag`; if `whole`, nothing may follow it."""
    parts = _parts(data)
    found, content = next(parts)
    if found != tag:
        raise ValueError(f"not a certificate: an element has the tag 0x{found:02x}, not 0x{tag:02x}")
    if whole and next(parts, None) is not None:
        raise ValueError("not a certificate: bytes follow it")
    return content


def _seconds(tag: int, content: bytes) -> float:
    """Return the seconds since 1970 of a time; of two digits for the year, those from 50 on are of the last century."""
    text = content.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    elif tag != _LONG_TIME:
        raise ValueError("not a certificate: its time of validity is no time")
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))


def _shown(name: bytes) -> str:
    """Return a subject as text, the most specific part first. Source: RFC 4514 section 2."""
    parts = []
    for _set, pairs in _parts(name):
        shown = []
        for _sequence, pair in _parts(pairs):
            (_tag, kind), (tag, value) = _parts(pair)
            shown.append(f"{_ATTRIBUTES.get(kind.hex()) or _dotted(kind)}={_escaped(_text(tag, value))}")
        parts.append("+".join(shown))
    return ",".join(reversed(parts))


def _text(tag: int, value: bytes) -> str:
    if tag == _UTF16:
        return value.decode("utf-16-be", "replace")
    if tag == _UTF32:
        return value.decode("utf-32-be", "replace")
    return value.decode("utf-8", "replace")


def _escaped(value: str) -> str:
    shown = "".join(_escape(char) for char in value)
    if shown[:1] in ("#", " "):
        shown = "\\" + shown
    return shown[:-1] + "\\ " if shown.endswith(" ") and len(shown) > 1 else shown


def _escape(char: str) -> str:
    if char in ',+"\\<>;=':
        return "\\" + char
    return char if char >= " " and char != "\x7f" else "".join(f"\\{byte:02X}" for byte in char.encode())


def _dotted(oid: bytes) -> str:
    numbers, value = [min(oid[0] // 40, 2)], 0
    numbers.append(oid[0] - 40 * numbers[0])
    for byte in oid[1:]:
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            numbers.append(value)
            value = 0
    return ".".join(map(str, numbers))


def _alternative_names(extensions: bytes) -> tuple[str, ...]:
    for _tag, extension in _parts(_only(extensions, _SEQUENCE)):
        fields = list(_parts(extension))
        if fields[0] == (_OID, _ALTERNATIVE_NAMES):
            return tuple(filter(None, (_name(*name) for name in _parts(_only(fields[-1][1], _SEQUENCE)))))
    return ()


def _name(tag: int, content: bytes) -> str:
    """Return a name with its kind; empty for the kinds that nobody uses for services, and for what is no such name."""
    if tag == _ADDRESS and len(content) in (4, 16):
        return f"IP:{ipaddress.ip_address(content)}"
    kind = _NAMES.get(tag)
    text = content.decode("latin-1")
    return f"{kind}:{text}" if kind is not None and text.isascii() and text.isprintable() else ""
