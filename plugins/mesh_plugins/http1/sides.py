"""The two ends of a connection: when a head may be read, what may stand before it, when the next message begins."""

from mesh import Fields, Limits, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http.upgrades import is_among
from mesh_plugins.http1.chunked import ChunkDecoder
from mesh_plugins.http1.grammar import is_token, is_value, parse_request_line, parse_status_line
from mesh_plugins.http1.head import CHUNKED, ReplyHead, RequestHead
from mesh_plugins.http1.inbound import AGAIN, BODY, CLOSED, FAILED, HEAD, Inbound
from mesh_plugins.http1.outbound import NO_HEAD, WRITTEN_FIELDS, switch_fields


class ServerSide(Inbound):
    """A connection with a client, as far as all engines agree; see `ServerEngine`.

    The mutable state: `_closing` says that this message is the last on its connection, `_is_old` that the client speaks
    HTTP/1.0; `_empty_lines` counts those skipped before the present request. `_known_head` is what `_known` says.
    """

    __slots__ = ("_closing", "_empty_lines", "_is_old", "_known_head")

    _known_head: RequestHead

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._closing = False
        self._empty_lines = 0
        self._is_old = False

    def read_head(self) -> RequestHead | None:
        if self._stage:
            return self._read_no_head()
        try:
            found = self._take_head()
            if found is None:
                return None
            head = self._known_head if found is AGAIN else self._make_head(*found)
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

    def write_switch(self, status: int, reason: bytes, headers: Fields, upgrade: bytes) -> bytes:
        if self._to_write != NO_HEAD:
            raise LocalProtocolError("write_switch() after the final head of a reply")
        if not is_value(reason) or (status != 101 and not 200 <= status < 300):
            raise LocalProtocolError(f"no connection is switched by a reply {status} {reason[:40]!r}")
        fields = b"".join(map(WRITTEN_FIELDS.__getitem__, headers))
        self._closing = True
        return b"HTTP/1.1 %d %b%b%b\r\n\r\n" % (
            status,
            reason,
            switch_fields(upgrade) if status == 101 else b"",
            fields,
        )

    def next_message(self) -> None:
        if self._stage == FAILED:
            return
        if self._left or self._to_write:
            raise LocalProtocolError("next_message() before the request was read and its reply written to the end")
        self._stage = CLOSED if self._closing else HEAD
        self._to_write = NO_HEAD
        self._chunks = None
        self._empty_lines = 0

    def _make_head(self, line: bytes, section: bytes) -> RequestHead:
        raise NotImplementedError

    def _read_no_head(self) -> RequestHead | None:
        if self._error is not None:
            raise self._error
        if self._stage == BODY:
            raise LocalProtocolError("read_head() before next_message()")
        self._data = b""  # what follows the last request of its connection is nobody's.
        self._pos = 0
        return None

    def _fail(self, error: RemoteProtocolError) -> None:
        super()._fail(error)
        self._closing = True

    def _skip_empty_lines(self) -> None:
        """Source: RFC 9112 section 2.2; old clients end their bodies with an extra CR LF."""
        most = self._limits.max_leading_empty_lines
        while self._data.startswith(b"\r\n", self._pos):
            self._empty_lines += 1
            if self._empty_lines > most:
                raise RemoteProtocolError(f"more than {most} empty lines before a request")
            self._pos += 2
            self._look_anew()

    def _check_first_line(self, line: bytes) -> None:
        parse_request_line(line)

    def _check_first_byte(self, start: bytes) -> None:
        if start != b"\r" and not is_token(start[:1]):
            raise RemoteProtocolError(f"byte 0x{start[0]:02x} where a request line begins: this is not HTTP")


class ClientSide(Inbound):
    """A connection to an endpoint, as far as all engines agree; see `ClientEngine`.

    The mutable state: `_method` of the present request, whether its reply lets the connection be kept (`_keep_alive`),
    the number of interim replies to it (`_interims`), and the protocols that a request asked to switch to (`_asked`); a
    connection on which one did is not used for another. `_known_head` is what `_known` says.
    """

    __slots__ = ("_asked", "_interims", "_keep_alive", "_known_head", "_method")

    _known_head: ReplyHead

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._asked = b""
        self._interims = 0
        self._keep_alive = False
        self._method = b""

    def read_head(self) -> ReplyHead | None:
        if self._stage or self._to_write == NO_HEAD:
            return self._read_no_head()
        try:
            found = self._take_head()
            if found is None:
                return None
            head = self._known_head if found is AGAIN else self._make_head(*found)
            if head.status < 200:
                self._count_interim(head)
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

    def _make_head(self, line: bytes, section: bytes) -> ReplyHead:
        raise NotImplementedError

    def _begin_request(self, method: bytes, size: int | None) -> None:
        """Note the request whose head is written now."""
        if self._to_write != NO_HEAD or self._stage:
            raise LocalProtocolError("write_head() before next_message(), or after the last message")
        if self._pos < len(self._data):
            raise RemoteProtocolError("the endpoint spoke before it was asked", status=502)
        self._method = method
        self._to_write = CHUNKED if size is None else size

    def write_upgrade(self, method: bytes, target: bytes, headers: Fields, upgrade: bytes) -> bytes:
        asked = switch_fields(upgrade)
        line, _, rest = self.write_head(method, target, headers, 0).partition(b"\r\n")
        self._asked = upgrade
        return b"%b%b\r\n%b" % (line, asked, rest)

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        raise NotImplementedError

    def _count_interim(self, head: ReplyHead) -> None:
        if head.status == 101:
            if not self._asked:
                raise RemoteProtocolError("a reply 101 (Switching Protocols) that nobody asked for")
            if not is_among(head.upgrade, self._asked):
                raise RemoteProtocolError("a reply 101 (Switching Protocols) to a protocol that nobody asked for")
            self._stage = CLOSED
            return
        self._interims += 1
        if self._interims > self._limits.max_1xx_responses:
            raise RemoteProtocolError(f"more than {self._limits.max_1xx_responses} interim replies (1xx)")

    def _read_no_head(self) -> ReplyHead | None:
        if self._error is not None:
            raise self._error
        raise LocalProtocolError("read_head() before write_head(), or again before next_message()")

    def _fail(self, error: RemoteProtocolError) -> None:
        error.status = 502
        super()._fail(error)

    def _check_first_line(self, line: bytes) -> None:
        parse_status_line(line)

    def _check_first_byte(self, start: bytes) -> None:
        if not b"HTTP/1.".startswith(start[:7]):
            raise RemoteProtocolError(f"expected a reply that begins with HTTP/1., not {start!r}")
