"""The fast engines: HTTP/1.1 from and to bytes, with as little work per message as strictness allows."""

from mesh import Fields, LocalProtocolError, RemoteProtocolError

from mesh_plugins.http1.chunked import ChunkDecoder
from mesh_plugins.http1.fields import read_reply_head, read_request_head
from mesh_plugins.http1.grammar import is_token
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, Limits, ReplyHead, RequestHead
from mesh_plugins.http1.inbound import BODY, CLOSED, FAILED, HEAD, Inbound
from mesh_plugins.http1.lines import REQUEST_LINES, STATUS_LINES
from mesh_plugins.http1.outbound import (
    NO_HEAD,
    WRITTEN_FIELDS,
    WRITTEN_REQUEST_LINES,
    WRITTEN_SIZES,
    WRITTEN_STATUS_LINES,
    Outbound,
)
from mesh_plugins.http1.section import SECTIONS

_field_line = WRITTEN_FIELDS.__getitem__
# Methods whose requests say so when they have no body. Source: RFC 9110 section 8.6.
_METHODS_WITH_BODY = frozenset({b"PATCH", b"POST", b"PUT"})


class FastServer(Inbound, Outbound):
    """One connection with a client; see `ServerEngine`."""

    __slots__ = ("_closing", "_empty_lines", "_is_old", "_to_write")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._empty_lines = 0
        self._closing = False
        self._is_old = False
        self._to_write = NO_HEAD

    def read_head(self) -> RequestHead | None:
        if self._stage:
            return self._read_no_head()
        try:
            found = self._take_head()
            if found is None:
                return None
            line, section = found
            head = read_request_head(REQUEST_LINES[line], SECTIONS[section])
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        self._stage = BODY
        self._left = size = head.body_size
        if size == CHUNKED:
            self._chunks = ChunkDecoder(self._limits)
        self._closing = not head.keep_alive
        self._is_old = head.version == (1, 0)
        return head

    def is_idle(self) -> bool:
        return self._pos == len(self._data)

    def must_close(self) -> bool:
        return self._closing

    def next_message(self) -> None:
        if self._stage == FAILED:
            return
        if self._left or self._to_write:
            raise LocalProtocolError("next_message() before the request was read and its reply written to the end")
        self._stage = CLOSED if self._closing else HEAD
        self._to_write = NO_HEAD
        self._chunks = None
        self._empty_lines = 0

    def write_head(
        self, status: int, reason: bytes, headers: Fields, size: int | None, *, keep_alive: bool, body: bool = True
    ) -> bytes:
        line = WRITTEN_STATUS_LINES[status, reason]
        fields = b"".join(map(_field_line, headers))
        if self._to_write != NO_HEAD:
            raise LocalProtocolError("write_head() after the final head of a reply")
        if status < 200:
            return b"" if self._is_old else line + fields + b"\r\n\r\n"
        if body and size is None and self._is_old:
            self._to_write = UNTIL_CLOSE
            self._closing = True
            return line + fields + b"\r\nconnection: close\r\n\r\n"
        if not keep_alive or self._closing:
            self._closing = True
            fields += b"\r\nconnection: close"
        elif self._is_old:
            fields += b"\r\nconnection: keep-alive"
        if not body:
            self._to_write = 0
            if size is None or status == 204:  # RFC 9110 section 8.6
                return line + fields + b"\r\n\r\n"
        elif size is None:
            self._to_write = CHUNKED
            return line + fields + b"\r\ntransfer-encoding: chunked\r\n\r\n"
        else:
            self._to_write = size
        return line + fields + WRITTEN_SIZES[size]

    def _read_no_head(self) -> None:
        if self._error is not None:
            raise self._error
        if self._stage == BODY:
            raise LocalProtocolError("read_head() before next_message()")
        self._data = b""  # what follows a request that was the last on its connection is nobody's.
        self._pos = 0

    def _fail(self, error: RemoteProtocolError) -> None:
        super()._fail(error)
        self._closing = True

    def _skip_empty_lines(self) -> None:
        """Source: RFC 9112 section 2.2; old clients end their bodies with an extra CR LF."""
        while self._data.startswith(b"\r\n", self._pos):
            self._empty_lines += 1
            if self._empty_lines > self._limits.max_leading_empty_lines:
                raise RemoteProtocolError(
                    f"more than {self._limits.max_leading_empty_lines} empty lines before a request"
                )
            self._pos += 2
            self._searched = 0

    def _check_first_line(self, line: bytes) -> None:
        REQUEST_LINES[line]  # raises

    def _check_first_byte(self, start: bytes) -> None:
        if start != b"\r" and not is_token(start[:1]):
            raise RemoteProtocolError(f"byte 0x{start[0]:02x} where a request line begins: this is not HTTP")


class FastClient(Inbound, Outbound):
    """One connection to an endpoint; see `ClientEngine`."""

    __slots__ = ("_interims", "_is_head", "_keep_alive", "_to_write")

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._interims = 0
        self._is_head = False
        self._keep_alive = False
        self._to_write = NO_HEAD

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        line = WRITTEN_REQUEST_LINES[method, target]
        fields = b"".join(map(_field_line, headers))
        hosts = fields.count(b"\r\nhost: ")  # no line holds a CR, so these are lines.
        if hosts != 1:
            if hosts:
                raise LocalProtocolError(f"{hosts} Host fields in a request: expected one")
            fields = b"\r\nhost: " + fields  # RFC 9112 section 3.2: empty if there is none.
        if self._to_write != NO_HEAD or self._stage:
            raise LocalProtocolError("write_head() before next_message()")
        self._is_head = method == b"HEAD"
        if size is None:
            self._to_write = CHUNKED
            return line + fields + b"\r\ntransfer-encoding: chunked\r\n\r\n"
        self._to_write = size
        if size or method in _METHODS_WITH_BODY:
            return line + fields + WRITTEN_SIZES[size]
        return line + fields + b"\r\n\r\n"

    def read_head(self) -> ReplyHead | None:
        if self._stage or self._to_write == NO_HEAD:
            return self._read_no_head()
        try:
            found = self._take_head()
            if found is None:
                if self._eof:
                    raise RemoteProtocolError("the connection was closed before a reply")
                return None
            line, section = found
            head = read_reply_head(STATUS_LINES[line], SECTIONS[section], to_head=self._is_head)
            if head.status < 200:
                self._count_interim(head.status)
                return head
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        self._stage = BODY
        self._left = size = head.body_size
        if size == CHUNKED:
            self._chunks = ChunkDecoder(self._limits)
        self._keep_alive = head.keep_alive
        return head

    def next_message(self) -> None:
        if self._stage == FAILED:
            return
        if self._left or self._to_write or self._stage != BODY:
            raise LocalProtocolError("next_message() before the request was written and its reply read to the end")
        self._stage = HEAD if self._keep_alive else CLOSED
        self._to_write = NO_HEAD
        self._chunks = None
        self._interims = 0

    def _count_interim(self, status: int) -> None:
        if status == 101:
            raise RemoteProtocolError("a reply 101 (Switching Protocols) that nobody asked for")
        self._interims += 1
        if self._interims > self._limits.max_1xx_responses:
            raise RemoteProtocolError(f"more than {self._limits.max_1xx_responses} interim replies (1xx)")

    def _read_no_head(self) -> None:
        if self._error is not None:
            raise self._error
        raise LocalProtocolError("read_head() before write_head(), or again before next_message()")

    def _fail(self, error: RemoteProtocolError) -> None:
        error.status = 502
        super()._fail(error)

    def _check_first_line(self, line: bytes) -> None:
        STATUS_LINES[line]  # raises

    def _check_first_byte(self, start: bytes) -> None:
        if not b"HTTP/1.".startswith(start[:7]):
            raise RemoteProtocolError(f"expected a reply that begins with HTTP/1., not {start!r}")
