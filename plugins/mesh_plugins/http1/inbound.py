"""The bytes that come in on one connection: kept until they are a head, cut into bodies, never kept without a limit."""

from mesh import Fields, Limits, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http1.chunked import ChunkDecoder
from mesh_plugins.http1.grammar import check_lines_start
from mesh_plugins.http1.outbound import Outbound

# What a connection is at: plain numbers of the module, because a look into a class or an `IntEnum` costs 40 ns more.
HEAD = 0
"""Before a head, or in one: the only stage in which one can be read."""
BODY = 1
"""After a head: in its body, or waiting for `next_message`."""
FAILED = 2
"""Refused: nothing will be read any more."""
CLOSED = 3
"""Past its last message."""

AGAIN = (b"", b"")
"""In place of a head that is the same as the last one, to the byte."""


class Inbound(Outbound):
    """What engines do with the bytes of their peer, besides writing.

    As long as a head is incomplete, what has come of it is checked for bytes that no head may have, so that a peer which
    never sends its CR LF CR LF is refused at once rather than waited for.

    The mutable state: `_data` from `_pos` on is what has not been read. `_looked` bytes of it were looked at before, with
    `_line_ends` in them, and before `_searched` no head ends. `_left` is what is missing of the body: bytes, `CHUNKED` or
    `UNTIL_CLOSE`; 0 says that it has ended. `_known` is the head that came last, if an engine remembers what it says.
    """

    __slots__ = (
        "_careful_above",
        "_chunks",
        "_data",
        "_eof",
        "_error",
        "_known",
        "_left",
        "_limits",
        "_line_ends",
        "_looked",
        "_many_above",
        "_pos",
        "_searched",
        "_stage",
    )

    def __init__(self, limits: Limits) -> None:
        super().__init__()
        self._limits = limits
        # A head that is no longer than either limit breaks neither.
        self._careful_above = min(limits.max_request_line_bytes, limits.max_header_section_bytes)
        # The shortest header line is a name of one letter, a colon and the line end.
        self._many_above = 4 * limits.max_header_fields
        self._data = b""
        self._pos = 0
        self._looked = self._searched = self._line_ends = 0
        self._eof = False
        self._stage = HEAD
        self._left = 0
        self._chunks: ChunkDecoder | None = None
        self._error: RemoteProtocolError | None = None
        self._known = b""

    def feed(self, data: bytes) -> None:
        if not data:
            self._eof = True
        elif self._pos == len(self._data):
            self._data = data
            self._pos = 0
        else:
            # Only an incomplete head or line waits here, so this copies no more than a limit's worth of old bytes.
            self._data = self._data[self._pos :] + data
            self._pos = 0

    def has_bytes(self) -> bool:
        return self._pos < len(self._data)

    def take_rest(self) -> bytes:
        rest = self._data[self._pos :]
        self._stage = CLOSED
        self._left = 0
        self._data = b""
        self._pos = 0
        return rest

    def trailers(self) -> Fields:
        return [] if self._chunks is None else self._chunks.trailers

    def read_body(self) -> bytes | None:
        left = self._left
        if left > 0:
            data, pos = self._data, self._pos
            missing = left - len(data) + pos
            if missing == left:
                return self._need_more()
            if missing < 0:
                self._left = 0
                self._pos = pos + left
                return data[pos : pos + left]
            self._left = missing
            self._data = b""
            self._pos = 0
            return data[pos:] if pos else data
        if self._stage != BODY:
            return self._no_body()
        if left == 0:
            return b""
        chunks = self._chunks
        return self._read_until_close() if chunks is None else self._read_chunks(chunks)

    def _read_chunks(self, chunks: ChunkDecoder) -> bytes | None:
        try:
            content, self._pos = chunks.decode(self._data, self._pos)
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        if self._pos == len(self._data):
            self._data = b""
            self._pos = 0
        if chunks.is_done:
            self._left = 0
        elif not content:
            return self._need_more()
        return content

    def _read_until_close(self) -> bytes | None:
        content = self._data
        if self._pos:
            content = content[self._pos :]
        self._data = b""
        self._pos = 0
        if content:
            return content
        if not self._eof:
            return None
        self._left = 0
        return b""

    def _need_more(self) -> bytes | None:
        if self._eof:
            error = RemoteProtocolError("the connection was closed in the middle of a body")
            self._fail(error)
            raise error
        return None

    def _no_body(self) -> bytes:
        if self._error is not None:
            raise self._error
        raise LocalProtocolError("read_body() before read_head() returned a head")

    def _take_head(self) -> tuple[bytes, bytes] | None:
        """Take the next head, its first line and its header section, or return None if it is incomplete.

        The section has a line end before each line and none at its end. For the very bytes of `_known`, return `AGAIN`.
        """
        data, pos = self._data, self._pos
        if self._known and data.startswith(self._known, pos):
            self._move_on(pos + len(self._known))
            return AGAIN
        end = data.find(b"\r\n\r\n", pos + self._searched)
        if end < 0 or end - pos > self._careful_above or data[pos] == 0x0D:
            end = self._find_head_end()
            if end < 0:
                return None
            data, pos = self._data, self._pos
        line_end = data.find(b"\r\n", pos)
        line = data[pos:line_end]
        section = data[line_end:end]
        if len(section) > self._many_above and section.count(b"\r\n") > self._limits.max_header_fields:
            raise self._too_many_fields()
        self._move_on(end + 4)
        return line, section

    def _move_on(self, pos: int) -> None:
        """Note that a head ends before `pos`."""
        if pos == len(self._data):
            self._data = b""
            self._pos = 0
        else:
            self._pos = pos
        if self._looked:
            self._look_anew()

    def _find_head_end(self) -> int:
        """Return where the head ends, or -1; check the limits and, if it is incomplete, what has come of it."""
        self._skip_empty_lines()
        data, pos = self._data, self._pos
        come = len(data) - pos
        first = data.find(b"\r\n", pos)
        first_size = (len(data) if first < 0 else first) - pos
        longest = self._limits.max_request_line_bytes
        if first_size > longest + (first < 0):  # the last byte of an incomplete line may be its CR.
            raise RemoteProtocolError(f"the first line has more than {longest} bytes", status=414)
        end = data.find(b"\r\n\r\n", pos + self._searched)
        # Three bytes of an incomplete head may belong to the CR LF CR LF that ends it.
        section = (come - 3 if end < 0 else end - pos) - first_size
        if section > self._limits.max_header_section_bytes:
            raise RemoteProtocolError(
                f"the header section has more than {self._limits.max_header_section_bytes} bytes", status=431
            )
        if end < 0 and come:
            self._check_incomplete_head(data, first)
        return end

    def _check_incomplete_head(self, data: bytes, first: int) -> None:
        """Check what has come since the last look; `first` is where the first line ends, or -1."""
        looked = self._pos + self._looked
        check_lines_start(data, max(self._pos, looked - 1))
        if first < 0:
            self._check_first_byte(data[self._pos : self._pos + 8])
        elif self._line_ends == 0:
            self._check_first_line(data[self._pos : first])
        self._line_ends += data.count(b"\n", looked)  # each has its CR, or it would have been refused.
        if self._line_ends - 1 > self._limits.max_header_fields:
            raise self._too_many_fields()
        if self._eof:
            raise RemoteProtocolError("the connection was closed in the middle of a head")
        self._looked = len(data) - self._pos
        self._searched = max(0, self._looked - 3)

    def _look_anew(self) -> None:
        """Note that `_pos` is where nobody has looked for a head."""
        self._looked = self._searched = self._line_ends = 0

    def _too_many_fields(self) -> RemoteProtocolError:
        return RemoteProtocolError(f"more than {self._limits.max_header_fields} header fields", status=431)

    def _skip_empty_lines(self) -> None:
        """Skip what may stand before a head."""

    def _check_first_line(self, line: bytes) -> None:
        """Raise if no head begins with `line`."""

    def _check_first_byte(self, start: bytes) -> None:
        """Raise if no head begins with the bytes `start`."""

    def _fail(self, error: RemoteProtocolError) -> None:
        """Refuse everything from now on, with the same error."""
        self._error = error
        self._stage = FAILED
        self._left = 0
        self._data = b""
        self._pos = 0
