"""The fast engines: HTTP/1.1 from and to bytes, with as little work per message as strictness allows.

The last head of each connection is kept with what it says, if sections like its own are (`section.py`): a peer that says the
same again, to the byte, is understood at once (18,000 instructions less of 200,000, of both sides together).
"""

from mesh import Fields, LocalProtocolError
from mesh_plugins.http1.fields import read_reply_head, read_request_head
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, ReplyHead, RequestHead
from mesh_plugins.http1.lines import REQUEST_LINES, STATUS_LINES
from mesh_plugins.http1.outbound import (
    NO_HEAD,
    WRITTEN_FIELDS,
    WRITTEN_REQUEST_LINES,
    WRITTEN_SIZES,
    WRITTEN_STATUS_LINES,
)
from mesh_plugins.http1.section import SECTIONS, known
from mesh_plugins.http1.sides import ClientSide, ServerSide

METHODS_WITH_BODY = frozenset({b"PATCH", b"POST", b"PUT"})
"""Methods whose requests say so when they have no body. Source: RFC 9110 section 8.6."""

_field_line = WRITTEN_FIELDS.__getitem__


class FastServer(ServerSide):
    """One connection with a client; see `ServerEngine`."""

    __slots__ = ()

    def _make_head(self, line: bytes, section: bytes) -> RequestHead:
        self._known_head = head = read_request_head(REQUEST_LINES[line], SECTIONS[section])
        self._known = known(line, section)
        return head

    def write_head(
        self, status: int, reason: bytes, headers: Fields, size: int | None, *, keep_alive: bool, body: bool = True
    ) -> bytes:
        line = WRITTEN_STATUS_LINES[status, reason]
        fields = b"".join(map(_field_line, headers))
        if self._to_write != NO_HEAD:
            raise LocalProtocolError("write_head() after the final head of a reply")
        if status < 200:
            return b"" if self._is_old else line + fields + b"\r\n\r\n"
        if status == 204 or status == 304:
            body = False
        if body and size is None and self._is_old:
            self._to_write = UNTIL_CLOSE
            self._closing = True
            return line + fields + b"\r\nconnection: close\r\n\r\n"
        if self._closing or not keep_alive:
            self._closing = True
            fields += b"\r\nconnection: close"
        elif self._is_old:
            fields += b"\r\nconnection: keep-alive"
        if body and size is None:
            self._to_write = CHUNKED
            return line + fields + b"\r\ntransfer-encoding: chunked\r\n\r\n"
        end = b"\r\n\r\n" if size is None or status == 204 else WRITTEN_SIZES[size]  # RFC 9110 section 8.6
        self._to_write = size if body and size else 0
        return line + fields + end


class FastClient(ClientSide):
    """One connection to an endpoint; see `ClientEngine`."""

    __slots__ = ()

    def _make_head(self, line: bytes, section: bytes) -> ReplyHead:
        to_head = self._method == b"HEAD"
        self._known_head = head = read_reply_head(STATUS_LINES[line], SECTIONS[section], to_head=to_head)
        self._known = b"" if to_head else known(line, section)
        return head

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        line = WRITTEN_REQUEST_LINES[method, target]
        if method == b"HEAD":
            self._known = b""  # what answered another method has a body
        fields = b"".join(map(_field_line, headers))
        hosts = fields.count(b"\r\nhost: ")  # no line has a CR in it, so these are lines.
        if hosts != 1:
            if hosts:
                raise LocalProtocolError(f"{hosts} Host fields in a request: expected one")
            fields = b"\r\nhost: " + fields  # RFC 9112 section 3.2: empty if there is none.
        end = b"\r\n\r\n"
        if size is None:
            end = b"\r\ntransfer-encoding: chunked\r\n\r\n"
        elif size or method in METHODS_WITH_BODY:
            end = WRITTEN_SIZES[size]
        self._begin_request(method, size)
        return line + fields + end
