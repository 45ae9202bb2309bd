"""Goes through structs value by value: to find their end, or to write them in another encoding. No schema is needed.

Theory of operation. A stack holds what is around the next value: structs, and containers with what is left of them. Each
step takes one item from the reader, which moves only when all of the item is there, so that a walk can stop anywhere: where
the bytes end, or after some steps, so that others get their turn. Depth and numbers of elements are bounded, and a container
must have room for its elements in what is left of the message, before anything is done for it.
"""

import attrs
import trio

from mesh import Limits
from mesh_plugins.thrift.binary import BinaryReader, skip_struct
from mesh_plugins.thrift.message import Encoding, Reader, Writer
from mesh_plugins.thrift.wire import (
    DOUBLE,
    LIST,
    MAP,
    SET,
    STOP,
    STRING,
    STRUCT,
    UUID,
    Incomplete,
    Malformed,
)

STEPS = 8192  # before others get their turn: some 5 ms
AT_ONCE = 65536  # bytes of a message that is looked through without asking


@attrs.frozen
class Bounds:
    """How large and how deep a message may be; the defaults are those of `limits`."""

    max_bytes: int = 16384000
    depth: int = 64
    elements: int = 1048576

    @classmethod
    def of(cls, limits: Limits) -> "Bounds":
        """Return the bounds that a stack file sets."""
        return cls(limits.thrift_max_frame_bytes, limits.thrift_max_depth, limits.thrift_max_container)


class _Around:
    """A container, or a struct, that the next value is in. `kinds` are those of its elements, `left` how many follow."""

    __slots__ = ("kind", "left", "other")

    def __init__(self, kind: int, other: int, left: int) -> None:
        self.kind = kind
        self.other = other
        self.left = left


class Walk:
    """One struct, walked from where `reader` is; with a `writer`, it is written too. `is_done` at its end."""

    __slots__ = ("_bounds", "_next", "_stack", "_writer", "is_done", "reader")

    def __init__(self, reader: Reader, bounds: Bounds, writer: Writer | None = None) -> None:
        self.reader = reader
        self._bounds = bounds
        self._writer = writer
        self._stack: list[_Around] = []
        self._next = STRUCT  # the type of the value that comes next; `STOP` if that is still to be read
        self.is_done = False

    def run(self, steps: int = STEPS) -> bool:
        """Go on; return whether the end was reached, and not only that many steps done.

        Raises `Incomplete` where the bytes end, and `Malformed`.
        """
        for _step in range(steps):
            if self._next == STOP and not self._advance():
                continue
            if self.is_done:
                break
            self._pass_value(self._next)
        if self._writer is not None and len(self._writer.out) > self._bounds.max_bytes:
            raise Malformed(f"a message of more than {self._bounds.max_bytes} bytes when it is written anew")
        return self.is_done

    def _advance(self) -> bool:
        """Find out what value comes next; return false if none does at this level, which is left."""
        around = self._stack[-1]
        if around.kind == STRUCT and around.left < 0:
            kind, number = self.reader.field()
            if self._writer is not None:
                self._writer.field(kind, number)
            if kind != STOP:
                self._next = kind
                return True
        elif around.left:
            around.left -= 1
            self._next = around.kind
            around.kind, around.other = around.other, around.kind
            return True
        self._stack.pop()
        self.is_done = not self._stack
        return self.is_done

    def _pass_value(self, kind: int) -> None:
        reader, writer = self.reader, self._writer
        if kind == STRUCT:
            reader.enter()
            if writer is not None:
                writer.enter()
            self._push(STRUCT, STRUCT, -1)
        elif kind in (LIST, SET):
            self._pass_list()
        elif kind == MAP:
            key, value, count = reader.pairs()
            if writer is not None:
                writer.pairs(key, value, count)
            self._push(key, value, 2 * self._counted(count))
        elif writer is None:
            reader.skip(kind)
        elif kind == STRING:
            writer.string(reader.string())
        elif kind in (DOUBLE, UUID):
            writer.raw(kind, reader.raw(kind))
        else:
            writer.number(kind, reader.number(kind))
        self._next = STOP

    def _pass_list(self) -> None:
        reader, writer = self.reader, self._writer
        before = reader.at
        kind, count = reader.elements()
        self._counted(count)
        if writer is not None:
            writer.elements(kind, count)
        else:
            try:
                if reader.skip_elements(kind, count):
                    return
            except Incomplete:
                reader.at = before
                raise
        self._push(kind, kind, count)

    def _counted(self, count: int) -> int:
        if count > self._bounds.elements:
            raise Malformed(f"a container of {count} elements; the limit is {self._bounds.elements}")
        return count

    def _push(self, kind: int, other: int, left: int) -> None:
        if len(self._stack) >= self._bounds.depth:
            raise Malformed(f"values nested deeper than {self._bounds.depth} levels")
        self._stack.append(_Around(kind, other, left))


def is_sound(encoding: Encoding, data: bytes, at: int, bounds: Bounds) -> bool:
    """Return whether what follows `at` is surely one struct and nothing else; if not, `check` knows, and takes longer."""
    if len(data) - at > AT_ONCE or encoding.reader is not BinaryReader:
        return False
    return skip_struct(data, at, bounds.depth, bounds.elements) == len(data)


async def check(encoding: Encoding, data: bytes, at: int, bounds: Bounds) -> None:
    """Raise `Malformed` unless what follows `at` is one struct and nothing else, within bounds."""
    await _finish(Walk(encoding.reader(data, at, len(data)), bounds))


async def transcode(data: bytes, at: int, source: Encoding, target: Encoding, bounds: Bounds) -> bytes:
    """Return the struct at `at` in another encoding. Raises as `check` does."""
    out = bytearray()
    await _finish(Walk(source.reader(data, at, len(data)), bounds, target.writer(out)))
    return bytes(out)


async def _finish(walk: Walk) -> None:
    reader = walk.reader
    try:
        while not walk.run():
            await trio.lowlevel.checkpoint()
    except Incomplete:
        raise Malformed("a message ends in the middle of a value") from None
    if reader.at != reader.most:
        raise Malformed(f"{reader.most - reader.at} bytes follow the end of a message")
