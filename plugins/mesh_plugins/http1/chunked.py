"""The chunked transfer coding, decoded. Source: RFC 9112 section 7.1."""

from mesh import Fields, Limits, RemoteProtocolError
from mesh_plugins.http1.grammar import check_chunk_line_start, check_lines_start
from mesh_plugins.http1.hop import passable_trailers
from mesh_plugins.http1.lines import CHUNK_LINES
from mesh_plugins.http1.section import read_section

_LINE, _CONTENT, _CONTENT_END, _TRAILERS, _DONE = range(5)


class ChunkDecoder:
    """One chunked body: what stands between two chunks' contents is checked and dropped, trailers are collected.

    The mutable state is where in the coding the next byte stands: `_stage`, `_left` (bytes missing of a chunk's content)
    and `_searched` (how much of an incomplete trailer section was looked at before).
    """

    __slots__ = ("_left", "_limits", "_searched", "_stage", "trailers")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._stage = _LINE
        self._left = 0
        self._searched = 0
        self.trailers: Fields = []

    @property
    def is_done(self) -> bool:
        """Whether the body has ended; `trailers` are valid from then on."""
        return self._stage == _DONE

    def decode(self, data: bytes, pos: int) -> tuple[bytes, int]:
        """Return all content that `data` holds from `pos` on, and where the bytes begin that were not used.

        Those not used are an incomplete line, to be passed again with what comes after it, or follow the body's end.
        """
        end = len(data)
        if self._stage == _CONTENT and end - pos < self._left:
            self._left -= end - pos
            return data if pos == 0 else data[pos:], end
        pieces: list[bytes] = []
        if self._stage == _CONTENT:
            pieces.append(data[pos : pos + self._left])
            pos += self._left
            self._stage = _CONTENT_END
        if self._stage == _CONTENT_END:
            pos = self._end_content(data, pos)
        if self._stage == _LINE:
            pos = self._read_chunks(data, pos, pieces)
        if self._stage == _TRAILERS:
            pos = self._read_trailers(data, pos)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces), pos

    def _read_chunks(self, data: bytes, pos: int, pieces: list[bytes]) -> int:
        """Read chunks up to the last one or to where the bytes end; one turn of the loop is one chunk."""
        find = data.find
        end = len(data)
        longest = self._limits.max_chunk_line_bytes
        while True:
            line_end = find(b"\r\n", pos, pos + longest + 2)
            if line_end < 0:
                self._check_line_start(data, pos)
                return pos
            size = CHUNK_LINES[data[pos:line_end]]
            pos = line_end + 2
            if not size:
                self._stage = _TRAILERS
                return pos
            stop = pos + size
            if stop > end:
                self._stage = _CONTENT
                self._left = stop - end
                if pos < end:
                    pieces.append(data[pos:])
                return end
            pieces.append(data[pos:stop])
            pos = stop + 2
            if data[stop:pos] != b"\r\n":
                self._stage = _CONTENT_END
                return self._end_content(data, stop)

    def _end_content(self, data: bytes, pos: int) -> int:
        found = data[pos : pos + 2]
        if found == b"\r\n":
            self._stage = _LINE
            return pos + 2
        if found not in (b"", b"\r"):
            raise RemoteProtocolError("a chunk is longer than its size says, or does not end with CR LF")
        return pos

    def _check_line_start(self, data: bytes, pos: int) -> None:
        longest = self._limits.max_chunk_line_bytes
        if len(data) - pos > longest + 1:
            raise RemoteProtocolError(f"the first line of a chunk has more than {longest} bytes", status=413)
        check_chunk_line_start(data, pos)

    def _read_trailers(self, data: bytes, pos: int) -> int:
        if data.startswith(b"\r\n", pos):
            self._stage = _DONE
            return pos + 2
        longest = self._limits.max_trailer_bytes
        end = data.find(b"\r\n\r\n", pos + self._searched)
        # Three bytes of incomplete trailers may belong to the CR LF CR LF that ends them; the first CR LF counts as theirs.
        size = (len(data) - 3 if end < 0 else end) + 2 - pos
        if size > longest:
            raise RemoteProtocolError(f"the trailers have more than {longest} bytes", status=431)
        if end < 0:
            check_lines_start(data, pos + max(0, self._searched - 1))
            self._searched = max(0, len(data) - pos - 3)
            return pos
        section = b"\r\n" + data[pos:end]
        if section.count(b"\r\n") > self._limits.max_header_fields:
            raise RemoteProtocolError(f"more than {self._limits.max_header_fields} trailers", status=431)
        fields, _, _, _ = read_section(section)
        self.trailers = passable_trailers(fields)
        self._stage = _DONE
        return end + 4
