"""One connection's header blocks, understood: by reading them, or from memory.

A peer that keeps its connection mostly sends the same blocks again and again, so what a block stood for is remembered as long
as the table stands still: a look-up instead of 10 µs.
"""

from collections.abc import Callable
from typing import TypeVar

from mesh import Fields, Limits, RemoteProtocolError
from mesh_plugins.http2.block_reader import BlockReader
from mesh_plugins.http2.heads import Reply, Request, read_reply, read_request, read_trailers

_MAX_BLOCK_BYTES = 1024
_MAX_BLOCKS = 64
_TOLERATED = 4  # a header list so many times too large is still read, so that its stream alone ends.


_Head = TypeVar("_Head", Request, Reply, Fields)


class TooLarge(RemoteProtocolError):
    """A header list that is whole and well-formed HPACK, but too long."""


class HeadReader:
    """One connection's header blocks, understood.

    The mutable state: what blocks stood for at the table's present state, and those seen once. Every block of the
    connection must come through here, because each may change the table.
    """

    __slots__ = ("_at", "_limits", "_once", "_replies", "_requests", "_trailers", "blocks")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.blocks = BlockReader(_TOLERATED * max(limits.h2_max_header_list_bytes, limits.max_trailer_bytes))
        self._requests: dict[bytes, Request] = {}
        self._replies: dict[bytes, Reply] = {}
        self._trailers: dict[bytes, Fields] = {}
        self._once: set[bytes] = set()
        self._at = 0

    def request(self, block: bytes) -> Request:
        """Read a request's head.

        Raises `RemoteProtocolError` if the head is malformed, of these `TooLarge`, and `BlockError` and `BlockTooLarge` if the
        connection must end.
        """
        return self._requests.get(block) or self._read(
            block, self._requests, read_request, self._limits.h2_max_header_list_bytes
        )

    def reply(self, block: bytes) -> Reply:
        """Read a reply's head. Raises as `request` does."""
        return self._replies.get(block) or self._read(
            block, self._replies, read_reply, self._limits.h2_max_header_list_bytes
        )

    def trailers(self, block: bytes) -> Fields:
        """Read trailers, and leave out what must not travel on. Raises as `request` does."""
        return self._trailers.get(block) or self._read(
            block, self._trailers, read_trailers, self._limits.max_trailer_bytes
        )

    def skip(self, block: bytes) -> None:
        """Read a block that nobody wants, for the sake of the table. Raises `BlockError` and `BlockTooLarge`."""
        self._fields(block)

    def _read(
        self, block: bytes, memo: dict[bytes, _Head], work: Callable[[Fields], tuple[_Head, bool]], most: int
    ) -> _Head:
        fields = self._fields(block)
        self._check_size(len(fields), most)
        head, is_secret = work(fields)
        if is_secret or len(block) > _MAX_BLOCK_BYTES or self._at != self.blocks.changes:
            return head
        once = self._once
        if block in once:
            if len(memo) >= _MAX_BLOCKS:
                memo.clear()
            memo[block] = head
        else:
            if len(once) >= _MAX_BLOCKS:
                once.clear()
            once.add(block)
        return head

    def _fields(self, block: bytes) -> Fields:
        blocks = self.blocks
        before = blocks.changes
        if before != self._at:
            self._forget(before)
        fields = blocks.read(block)
        if blocks.changes != before:
            self._forget(-1)
        return fields

    def _forget(self, at: int) -> None:
        self._at = at
        if self._once:
            self._once.clear()
            self._requests.clear()
            self._replies.clear()
            self._trailers.clear()

    def _check_size(self, count: int, max_bytes: int) -> None:
        if self.blocks.size > max_bytes:
            raise TooLarge(f"a header list of {self.blocks.size} bytes: at most {max_bytes} are taken", status=431)
        if count > self._limits.max_header_fields:
            raise TooLarge(f"{count} fields: at most {self._limits.max_header_fields} are taken", status=431)
