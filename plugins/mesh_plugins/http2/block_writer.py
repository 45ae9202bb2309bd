"""From fields to header blocks: HPACK's encoder, made for heads that resemble the one before.

What a field became is remembered as long as the dynamic table stands still, so a head costs one look-up a field (0.1 µs;
hpack: 2 to 4). So that it does stand still, a field is put into the table when it comes for the second time, never when it
is a secret or an id, and hardly ever at the cost of another one. Strings go out as they are: Huffman's code would save
a third of what is written only once, and cost either side more than all the rest. Source: RFC 7541.
"""

from hpack.table import HeaderTable

from mesh_plugins.http1.memo import SECRET_FIELDS, Memo
from mesh_plugins.http2.block_reader import ENTRY_BYTES
from mesh_plugins.http2.changing import NEW_EACH_TIME, SOON_OLD
from mesh_plugins.http2.options import DEFAULT_TABLE_BYTES
from mesh_plugins.http2.outgoing import check_field, check_request

_Field = tuple[bytes, bytes]

_MAX_VALUE_BYTES = 256  # longer values are neither remembered nor put into the table.
_MAX_FIELDS = 256  # with `_MAX_VALUE_BYTES` about 150 KiB a connection at worst.
_MAX_REQUESTS = 64
_PATIENCE = 32  # so many fields must have come again and found no room before one of them takes the place of others.
_STATIC_FIELDS = {field: index for index, field in reversed(list(enumerate(HeaderTable.STATIC_TABLE, 1)))}
_STATIC_NAMES = {name: index for (name, _), index in sorted(_STATIC_FIELDS.items(), key=lambda item: -item[1])}
_FIRST_DYNAMIC = len(HeaderTable.STATIC_TABLE) + 1


class BlockWriter(dict[_Field, bytes]):
    """One connection's encoder, called as a map from a field to its bytes in the block that is being written.

    The mutable state: the map's own content; `_places`, when each field of the table was put there, oldest first, out of
    `_count`; the table's size and how large it may be; what the peer must be told of that size at the start of the next
    block (`updates`); the fields seen once; what request lines became. Whoever asks for fields and then does not
    send them must call `restart`.
    """

    __slots__ = ("_bytes", "_count", "_max_bytes", "_once", "_places", "_refused", "_requests", "updates")

    def __init__(self) -> None:
        super().__init__()
        self._places: dict[_Field, int] = {}
        self._count = 0
        self._bytes = 0
        self._max_bytes = DEFAULT_TABLE_BYTES
        self.updates: list[int] = []
        self._once: set[_Field] = set()
        self._refused = 0
        self._requests: dict[tuple[bytes, bytes, bytes, bytes], bytes] = {}

    def resize(self, table_bytes: int) -> None:
        """The peer allows a table of so many bytes. Source: RFC 7541 section 4.2."""
        size = min(table_bytes, DEFAULT_TABLE_BYTES)
        if size == self._max_bytes:
            return
        self._max_bytes = size
        self._evict(size)
        self._forget()
        self.updates = [min([size, *self.updates]), size]

    def restart(self) -> None:
        """Empty the table, here at once and at the peer's with the next block."""
        self._evict(0)
        self._forget()
        self.updates = [0, self._max_bytes]

    def start(self) -> bytes:
        """Return what a block must begin with: changes of the table's size."""
        if not self.updates:
            return b""
        least, now = self.updates
        self.updates = []
        return b"".join(_number(size, 0x1F, 0x20) for size in ([now] if least == now else [least, now]))

    def request(self, key: tuple[bytes, bytes, bytes, bytes]) -> bytes:
        """Return what method, scheme, authority (which may be empty) and target become. Raises `LocalProtocolError`."""
        method, scheme, authority, target = key
        known = self._requests.get(key)
        if known is not None:
            return known
        check_request(method, target, scheme)
        fields = [(b":method", method), (b":scheme", scheme), (b":path", target)]
        if authority:
            check_field(b"authority", authority)
            fields.append((b":authority", authority))
        parts, lasting = zip(*map(self._write, fields), strict=True)
        block = b"".join(parts)
        if all(lasting):
            if len(self._requests) >= _MAX_REQUESTS:
                self._requests.clear()
            self._requests[key] = block
        return block

    def __missing__(self, field: _Field) -> bytes:
        name, value = field
        start = _NEW_EACH_TIME.get(name)
        if start is not None and not value.translate(None, _IN_IDS) and len(value) < 0x7F:
            return start + _LENGTHS[len(value)] + value
        check_field(name, value)
        if start is not None:
            return start + _length(value) + value
        if name in SECRET_FIELDS:
            return _SECRET_NAMES[name] + _length(value) + value
        written, lasts = self._write(field)
        if lasts:
            if len(self) >= _MAX_FIELDS:
                self.clear()
            self[field] = written
        return written

    def _write(self, field: _Field) -> tuple[bytes, bool]:
        """Return what a field becomes, and whether it will as long as the table stands still."""
        known = self._known(field)
        if known is not None:
            return known, True
        name, value = field
        if field not in self._once:
            self._note(field)
            return _PLAIN_NAMES[name] + _length(value) + value, False
        self._once.discard(field)
        if name not in SOON_OLD and self._has_room(ENTRY_BYTES + len(name) + len(value)):
            self._insert(field)
            return _INDEXED_NAMES[name] + _length(value) + value, False
        return _PLAIN_NAMES[name] + _length(value) + value, True

    def _known(self, field: _Field) -> bytes | None:
        """Return the index of a field that is in a table."""
        index = _STATIC_FIELDS.get(field)
        if index is None:
            place = self._places.get(field)
            if place is None:
                return None
            index = _FIRST_DYNAMIC + self._count - place
        return _number(index, 0x7F, 0x80)

    def _note(self, field: _Field) -> None:
        if len(field[0]) + len(field[1]) > _MAX_VALUE_BYTES:
            return
        if len(self._once) >= _MAX_FIELDS:
            self._once.clear()
        self._once.add(field)

    def _has_room(self, size: int) -> bool:
        if self._bytes + size <= self._max_bytes:
            return True
        self._refused += 1
        if self._refused < _PATIENCE or size > self._max_bytes:
            return False
        self._refused = 0
        return True

    def _insert(self, field: _Field) -> None:
        size = ENTRY_BYTES + len(field[0]) + len(field[1])
        self._evict(self._max_bytes - size)
        self._count += 1
        self._places[field] = self._count
        self._bytes += size
        self._forget()  # every index is one higher now.

    def _forget(self) -> None:
        self.clear()
        self._requests.clear()

    def _evict(self, most: int) -> None:
        while self._bytes > most:
            name, value = oldest = next(iter(self._places))
            del self._places[oldest]
            self._bytes -= ENTRY_BYTES + len(name) + len(value)


def _number(number: int, mask: int, pattern: int) -> bytes:
    """Source: RFC 7541 section 5.1."""
    if number < mask:
        return bytes((pattern | number,))
    number -= mask
    octets = [pattern | mask]
    while number >= 0x80:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    octets.append(number)
    return bytes(octets)


_LENGTHS = tuple(_number(length, 0x7F, 0) for length in range(0x200))


def _length(text: bytes) -> bytes:
    length = len(text)
    return _LENGTHS[length] if length < 0x200 else _number(length, 0x7F, 0)


def _name_writer(mask: int, pattern: int) -> Memo[bytes, bytes]:
    """Return the memo of how fields begin whose value follows: how to treat it, and the name."""

    def write(name: bytes) -> bytes:
        index = _STATIC_NAMES.get(name)
        return bytes((pattern,)) + _length(name) + name if index is None else _number(index, mask, pattern)

    return Memo(write, lambda name, _: len(name) <= _MAX_VALUE_BYTES)


_PLAIN_NAMES = _name_writer(0x0F, 0x00)
_SECRET_NAMES = _name_writer(0x0F, 0x10)
_INDEXED_NAMES = _name_writer(0x3F, 0x40)

_NEW_EACH_TIME = {name: _PLAIN_NAMES[name] for name in NEW_EACH_TIME}
_IN_IDS = bytes(range(0x21, 0x7F))


def _size_field(size: int) -> bytes:
    digits = b"%d" % size
    return _PLAIN_NAMES[b"content-length"] + _length(digits) + digits


def _status_field(status: int) -> bytes:
    digits = b"%d" % status
    index = _STATIC_FIELDS.get((b":status", digits))
    return _PLAIN_NAMES[b":status"] + _length(digits) + digits if index is None else _number(index, 0x7F, 0x80)


WRITTEN_SIZES: Memo[int, bytes] = Memo(_size_field, lambda _, __: True)
"""From a body's size to its `content-length` in a block; it needs no table."""
WRITTEN_STATUSES: Memo[int, bytes] = Memo(_status_field, lambda _, __: True)
"""From a status to its `:status` in a block; it needs no table."""
