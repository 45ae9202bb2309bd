"""The reference engines: h11, behind our scan of the raw bytes that it hides, and under our reading of its heads.

They are slow (40 µs a message and side) and there to be compared with: the same calls with the same bytes give the same
heads, bodies and refusals. An h11 connection serves one message only, so that h11's own views of when a connection may be
kept do not matter: it never keeps one with an HTTP/1.0 client.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import h11

from mesh import Fields, Limits, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http1.connect import START, parse_connect_line, tunnel_head
from mesh_plugins.http1.grammar import check_lines_start, check_transfer_encoding, parse_request_line, parse_status_line
from mesh_plugins.http1.head import CHUNKED, UNTIL_CLOSE, ReplyHead, RequestHead
from mesh_plugins.http1.inbound import BODY, Inbound
from mesh_plugins.http1.outbound import (
    NO_HEAD,
    check_field,
    check_request_line,
    check_status_line,
    switch_fields,
)
from mesh_plugins.http1.plain import judge_reply, judge_request, judge_trailers
from mesh_plugins.http1.sides import ClientSide, ServerSide
from mesh_plugins.http1.wire import METHODS_WITH_BODY

_MAX_EVENT_BYTES = 2**20  # above every limit of ours; those are checked before h11 gets to see a byte.


class _ByH11(Inbound):
    """What both reference engines do: h11 reads what has passed our scan, and writes what has passed our checks.

    `_chunks` decides how far the bytes of a chunked body are in order; its content and trailers are what h11 makes of them.
    `_reader` and `_writer` are replaced for each message.
    """

    _reader: h11.Connection
    _writer: h11.Connection

    def __init__(self, limits: Limits) -> None:
        super().__init__(limits)
        self._trailers: Fields = []

    def trailers(self) -> Fields:
        return self._trailers

    def read_body(self) -> bytes | None:
        if self._stage != BODY:
            return self._no_body()
        if self._left == 0:
            return b""
        try:
            self._pass_to_h11()
            content = self._pull()
        except RemoteProtocolError as error:
            self._fail(error)
            raise
        if content or self._left == 0:
            return content
        return self._need_more()

    def write_data(self, data: bytes) -> bytes:
        super().write_data(data)
        with _our_errors():
            return self._writer.send(h11.Data(data=data)) or b""

    def write_end(self, trailers: Fields) -> bytes:
        is_chunked = self._to_write == CHUNKED
        for name, value in trailers:
            check_field(name, value)
        super().write_end(trailers)
        if not is_chunked:
            return b""
        with _our_errors():
            return self._writer.send(h11.EndOfMessage(headers=trailers)) or b""

    def _pass_to_h11(self) -> None:
        """Give h11 what has come of the body and is in order; keep the rest."""
        data, start, left = self._data, self._pos, self._left
        if self._chunks is not None:
            _, self._pos = self._chunks.decode(data, start)
            if self._chunks.is_done:
                self._left = 0
        elif left > 0:
            self._pos = min(len(data), start + left)
            self._left -= self._pos - start
        else:
            self._pos = len(data)
            if self._eof and self._pos == start:
                self._left = 0
                self._reader.receive_data(b"")
        if self._pos > start:
            self._reader.receive_data(data[start : self._pos])

    def _pull(self) -> bytes:
        """Return the content h11 has found in what it was given."""
        pieces = []
        while isinstance(event := _next_event(self._reader), h11.Data):
            pieces.append(bytes(event.data))
        if isinstance(event, h11.EndOfMessage):
            self._trailers = judge_trailers(list(event.headers))
        return b"".join(pieces)

    def _read_fields(self, line: bytes, section: bytes) -> Fields:
        """Return all fields of a head as h11 sees them, after a look at what it forgives."""
        check_lines_start(line + section + b"\r\n", 0)
        if b"\r\n " in section or b"\r\n\t" in section:
            raise RemoteProtocolError("a header line begins with white space: folded lines are not accepted")
        raw = _raw_fields(section)
        for name, value in raw:
            if name == b"transfer-encoding":
                check_transfer_encoding(value)  # to h11 all that can be wrong with it is the same.
        self._trailers = []
        self._reader.receive_data(line + section + b"\r\n\r\n")
        event = _next_event(self._reader)
        if not isinstance(event, h11.Request | h11.InformationalResponse | h11.Response):
            raise RemoteProtocolError(f"h11 sees {event!r} where a head should be")
        # h11 makes one of `5` and `5`, and of `5, 5`: here they are as they came.
        lengths = [field for field in raw if field[0] == b"content-length"]
        return [field for field in event.headers if field[0] != b"content-length"] + lengths


class ReferenceServer(_ByH11, ServerSide):
    """One connection with a client; see `ServerEngine`."""

    def _make_head(self, line: bytes, section: bytes) -> RequestHead:
        parsed = parse_request_line(line)
        self._reader = _server()
        return judge_request(parsed, self._read_fields(line, section))

    def write_head(
        self, status: int, reason: bytes, headers: Fields, size: int | None, *, keep_alive: bool, body: bool = True
    ) -> bytes:
        check_status_line(status, reason)
        for name, value in headers:
            check_field(name, value)
        if self._to_write != NO_HEAD:
            raise LocalProtocolError("write_head() after the final head of a reply")
        if status < 200:
            return b"" if self._is_old else self._write_interim(status, reason, headers)
        body = body and status not in (204, 304)
        until_close = body and size is None and self._is_old
        self._closing = self._closing or not keep_alive or until_close
        # To h11 the client is as old as the framing needs it: it would end the connection of every old one.
        writer = _asked(b"%b / HTTP/1.%d" % (b"GET" if body else b"HEAD", not until_close))
        fields = headers + self._framing(size if status != 204 else None)
        with _our_errors():
            head = writer.send(h11.Response(status_code=status, headers=fields, reason=reason)) or b""
        self._writer = writer
        self._to_write = 0 if not body else size if size is not None else UNTIL_CLOSE if until_close else CHUNKED
        return head

    def _write_interim(self, status: int, reason: bytes, headers: Fields) -> bytes:
        with _our_errors():
            event = h11.InformationalResponse(status_code=status, headers=headers, reason=reason)
            return _asked(b"GET / HTTP/1.1").send(event) or b""

    def _framing(self, size: int | None) -> Fields:
        fields: Fields = []
        if size is not None:
            fields.append((b"content-length", b"%d" % size))
        if self._closing:
            fields.append((b"connection", b"close"))
        elif self._is_old:
            fields.append((b"connection", b"keep-alive"))
        return fields


class ReferenceConnectServer(ReferenceServer):
    """A connection with a client that may send CONNECT."""

    def _make_head(self, line: bytes, section: bytes) -> RequestHead:
        if not line.startswith(START):
            return super()._make_head(line, section)
        parsed = parse_connect_line(line)
        self._reader = _server()
        return tunnel_head(judge_request(parsed, self._read_fields(line, section)))

    def _check_first_line(self, line: bytes) -> None:
        if line.startswith(START):
            parse_connect_line(line)
        else:
            super()._check_first_line(line)


class ReferenceClient(_ByH11, ClientSide):
    """One connection to an endpoint; see `ClientEngine`."""

    def _make_head(self, line: bytes, section: bytes) -> ReplyHead:
        return judge_reply(parse_status_line(line), self._read_fields(line, section), self._method)

    def write_upgrade(self, method: bytes, target: bytes, headers: Fields, upgrade: bytes) -> bytes:
        switch_fields(upgrade)  # for what it refuses
        head = self._write_head(method, target, headers, 0, [(b"connection", b"upgrade"), (b"upgrade", upgrade)])
        self._asked = upgrade
        return head

    def write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None) -> bytes:
        return self._write_head(method, target, headers, size, [])

    def _write_head(self, method: bytes, target: bytes, headers: Fields, size: int | None, framing: Fields) -> bytes:
        check_request_line(method, target)
        for name, value in headers:
            check_field(name, value)
        if not any(name == b"host" for name, _ in headers):
            headers = [(b"host", b""), *headers]
        if size is None:
            framing = [*framing, (b"transfer-encoding", b"chunked")]
        elif size or method in METHODS_WITH_BODY:
            framing = [*framing, (b"content-length", b"%d" % size)]
        connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_EVENT_BYTES)
        with _our_errors():
            head = connection.send(h11.Request(method=method, target=target, headers=headers + framing)) or b""
        self._begin_request(method, size)
        self._reader = self._writer = connection
        return head


def _raw_fields(section: bytes) -> Fields:
    lines = [line.partition(b":") for line in section.split(b"\r\n")]
    return [(name.lower(), value.strip(b" \t")) for name, _, value in lines]


def _server() -> h11.Connection:
    return h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_EVENT_BYTES)


def _asked(line: bytes) -> h11.Connection:
    """Return a connection that has just received a request with the line `line`, to write a reply to it."""
    connection = _server()
    connection.receive_data(line + b"\r\nhost: h11\r\n\r\n")
    connection.next_event()
    return connection


def _next_event(connection: h11.Connection) -> object:
    try:
        return connection.next_event()
    except h11.RemoteProtocolError as error:
        raise RemoteProtocolError(str(error)) from error


@contextmanager
def _our_errors() -> Iterator[None]:
    try:
        yield
    except h11.LocalProtocolError as error:
        raise LocalProtocolError(str(error)) from error
