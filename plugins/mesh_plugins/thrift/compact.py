"""The compact protocol: heads of messages, and the values in structs.

Numbers are zigzag varints, numbers of fields differences to the one before, bools stand in the head of their field.
Source: Apache Thrift, doc/specs/thrift-compact-protocol.md.
"""

from mesh_plugins.thrift.wire import (
    BOOL,
    BYTE,
    DOUBLE,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    MAX_NAME_BYTES,
    SET,
    STOP,
    STRING,
    STRUCT,
    UUID,
    Head,
    Incomplete,
    Malformed,
)

PROTOCOL_ID, VERSION = 0x82, 1
TRUE, FALSE = 1, 2
OF_COMPACT = (STOP, BOOL, BOOL, BYTE, I16, I32, I64, DOUBLE, STRING, LIST, SET, MAP, STRUCT, UUID)
"""The types of the binary protocol, by those of the compact one."""
TO_COMPACT = {
    kind: number for number, kind in reversed(tuple(enumerate(OF_COMPACT)))
}  # bools as 1, as everybody writes them
WIDTHS = {BOOL: 1, BYTE: 1, DOUBLE: 8, UUID: 16}
"""How many bytes a value takes, for types of a fixed width."""
LONGEST_VARINT = 10


def read_head(data: bytes | bytearray, start: int = 0) -> Head:
    """Return the head of the message at `start`. Raises `Incomplete` and `Malformed`."""
    if len(data) < start + 4:
        raise Incomplete
    if data[start] != PROTOCOL_ID or data[start + 1] & 0x1F != VERSION:
        raise Malformed(
            f"a message begins with {bytes(data[start : start + 2]).hex()}, which is not the compact protocol"
        )
    seqid, at = read_varint(data, start + 2)
    size, at = read_varint(data, at)
    if size > MAX_NAME_BYTES:
        raise Malformed(f"a method's name of {size} bytes")
    if at + size > len(data):
        raise Incomplete
    seqid &= 0xFFFFFFFF
    signed = seqid - (1 << 32) if seqid >> 31 else seqid
    return Head(data[start + 1] >> 5, bytes(data[at : at + size]), signed, at + size)


def write_head(kind: int, name: bytes, seqid: int) -> bytes:
    """Return the head of a message."""
    head = bytearray((PROTOCOL_ID, kind << 5 | VERSION))
    write_varint(head, seqid & 0xFFFFFFFF)
    write_varint(head, len(name))
    return bytes(head + name)


def read_varint(data: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return the number at `at`, and where it ends."""
    value = shift = 0
    for place in range(at, min(at + LONGEST_VARINT, len(data))):
        byte = data[place]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place + 1
        shift += 7
    if len(data) >= at + LONGEST_VARINT:
        raise Malformed(f"a number of more than {LONGEST_VARINT} bytes")
    raise Incomplete


def write_varint(out: bytearray, value: int) -> None:
    """Append a number that is not negative."""
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


class CompactReader:
    """Reads the items of structs in order, as `BinaryReader` does.

    State: the number of the last field of each struct around, and the bool that stood in the head of its field.
    """

    __slots__ = ("_bool", "_last", "at", "data", "most")

    def __init__(self, data: bytes | bytearray, at: int, most: int) -> None:
        self.data = data
        self.at = at
        self.most = most
        self._last: list[int] = []
        self._bool: int | None = None

    def enter(self) -> None:
        """Take note that a struct begins."""
        self._last.append(0)

    def field(self) -> tuple[int, int]:
        """Return the type and the number of the next field; `STOP` at the end of the struct, which ends it."""
        data, at = self.data, self.at
        if at >= len(data):
            raise Incomplete
        byte = data[at]
        if byte == STOP:
            self.at = at + 1
            self._last.pop()
            return STOP, 0
        compact, step = byte & 0x0F, byte >> 4
        kind = _type(compact)
        if step:
            number, at = self._last[-1] + step, at + 1
        else:
            number, at = self._varint(at + 1)
            number = number >> 1 ^ -(number & 1)
        if not -0x8000 <= number <= 0x7FFF:
            raise Malformed(f"a field with the number {number}")
        self._last[-1] = number
        self._bool = compact if kind == BOOL else None
        self.at = at
        return kind, number

    def elements(self) -> tuple[int, int]:
        """Return the type of the elements of a list or set, and how many follow."""
        data, at = self.data, self.at
        if at >= len(data):
            raise Incomplete
        byte = data[at]
        count, at = byte >> 4, at + 1
        if count == 15:
            count, at = self._varint(at)
        kind = _type(byte & 0x0F) if count or byte & 0x0F else STOP
        self._check(count, WIDTHS.get(kind, 1), at)
        self.at = at
        return kind, count

    def pairs(self) -> tuple[int, int, int]:
        """Return the types of the keys and values of a map, and how many pairs follow."""
        count, at = self._varint(self.at)
        if not count:
            self.at = at
            return STOP, STOP, 0
        if at >= len(self.data):
            raise Incomplete
        key, value = _type(self.data[at] >> 4), _type(self.data[at] & 0x0F)
        self._check(count, WIDTHS.get(key, 1) + WIDTHS.get(value, 1), at + 1)
        self.at = at + 1
        return key, value, count

    def _check(self, count: int, bytes_each: int, at: int) -> None:
        if at + count * bytes_each > self.most:
            raise Malformed(f"a container of {count} elements in a message that has no room for them")

    def _varint(self, at: int) -> tuple[int, int]:
        value, end = read_varint(self.data, at)
        if end > self.most:
            raise Malformed("a message ends in the middle of a number")
        return value, end

    def skip(self, kind: int) -> None:
        """Pass a value that is neither a struct nor a container."""
        if kind == STRING:
            self.at = self._string()[1]
        elif kind == BOOL and self._bool is not None:
            self._bool = None
        elif kind in WIDTHS:
            self._pass(WIDTHS[kind])
        else:
            self.at = self._varint(self.at)[1]

    def skip_elements(self, kind: int, count: int) -> bool:
        """Pass all elements at once, if they are of one width; return whether they are."""
        width = WIDTHS.get(kind, 0)
        if width:
            self._pass(width * count)
        return width > 0

    def _pass(self, size: int) -> None:
        if self.at + size > len(self.data):
            if self.at + size > self.most:
                raise Malformed("a message ends in the middle of a value")
            raise Incomplete
        self.at += size

    def _string(self) -> tuple[int, int]:
        size, at = self._varint(self.at)
        end = at + size
        if end > self.most:
            raise Malformed(f"a string of {size} bytes in a message that has no room for it")
        if end > len(self.data):
            raise Incomplete
        return at, end

    def string(self) -> bytes:
        """Return the next value, a string."""
        begin, end = self._string()
        self.at = end
        return bytes(self.data[begin:end])

    def number(self, kind: int) -> int:
        """Return the next value, a number or a bool."""
        if kind == BOOL and self._bool is not None:
            value, self._bool = self._bool, None
            return int(value == TRUE)
        if kind in WIDTHS:
            at = self.at
            self._pass(1)
            byte = self.data[at]
            return int(byte == TRUE) if kind == BOOL else byte - 256 if byte > 127 else byte
        value, end = self._varint(self.at)
        value = value >> 1 ^ -(value & 1)
        if not -RANGES[kind] <= value < RANGES[kind]:
            raise Malformed(f"the number {value} is beyond its type")
        self.at = end
        return value

    def raw(self, kind: int) -> bytes:
        """Return the next value, a double or a UUID, in network order."""
        at = self.at
        self._pass(WIDTHS[kind])
        value = bytes(self.data[at : self.at])
        return value[::-1] if kind == DOUBLE else value  # little-endian here


RANGES = {I16: 1 << 15, I32: 1 << 31, I64: 1 << 63}


def _type(compact: int) -> int:
    if not 0 < compact < len(OF_COMPACT):
        raise Malformed(f"a value of the unknown type {compact:#03x}")
    return OF_COMPACT[compact]


class CompactWriter:
    """Writes the items of structs in order, to `out`. State: as in `CompactReader`."""

    __slots__ = ("_bool", "_last", "out")

    def __init__(self, out: bytearray) -> None:
        self.out = out
        self._last: list[int] = []
        self._bool: int | None = None  # the number of a field whose value is its type, and comes next

    def enter(self) -> None:
        """Begin a struct."""
        self._last.append(0)

    def field(self, kind: int, number: int) -> None:
        """Begin a field; `STOP` ends the struct."""
        if kind == STOP:
            self._last.pop()
            self.out.append(STOP)
        elif kind == BOOL:
            self._bool = number
        else:
            self._write_field(TO_COMPACT[kind], number)

    def _write_field(self, compact: int, number: int) -> None:
        step = number - self._last[-1]
        self._last[-1] = number
        if 0 < step <= 15:
            self.out.append(step << 4 | compact)
        else:
            self.out.append(compact)
            write_varint(self.out, (number << 1 ^ number >> 15) & 0xFFFF)

    def elements(self, kind: int, count: int) -> None:
        """Begin a list or set."""
        if count < 15:
            self.out.append(count << 4 | TO_COMPACT[kind])
        else:
            self.out.append(0xF0 | TO_COMPACT[kind])
            write_varint(self.out, count)

    def pairs(self, key: int, value: int, count: int) -> None:
        """Begin a map."""
        write_varint(self.out, count)
        if count:
            self.out.append(TO_COMPACT[key] << 4 | TO_COMPACT[value])

    def string(self, value: bytes) -> None:
        """Write a string."""
        write_varint(self.out, len(value))
        self.out += value

    def number(self, kind: int, value: int) -> None:
        """Write a number or a bool."""
        if kind == BOOL:
            if self._bool is not None:
                number, self._bool = self._bool, None
                self._write_field(TRUE if value else FALSE, number)
            else:
                self.out.append(TRUE if value else FALSE)
        elif kind == BYTE:
            self.out.append(value & 0xFF)
        else:
            write_varint(self.out, (value << 1 ^ value >> 63) & 0xFFFFFFFFFFFFFFFF)

    def raw(self, kind: int, value: bytes) -> None:
        """Write a double or a UUID, which is in network order."""
        self.out += value[::-1] if kind == DOUBLE else value
