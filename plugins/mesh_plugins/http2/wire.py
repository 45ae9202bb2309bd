"""The fast engines: HTTP/2 from and to bytes, with as little work per frame as strictness allows."""

from collections.abc import Callable
from typing import NoReturn

from mesh import Fields, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http2.block_writer import WRITTEN_SIZES, WRITTEN_STATUSES
from mesh_plugins.http2.engine import (
    ENHANCE_YOUR_CALM,
    NO_ERROR,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
    ConnectionOwner,
    ReplyHead,
    RequestHead,
    StreamOwner,
)
from mesh_plugins.http2.frames import (
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    PREFACE,
    write_reset,
    write_settings,
)
from mesh_plugins.http2.head_reader import TooLarge
from mesh_plugins.http2.options import DEFAULT_WINDOW, MAX_STREAM, Options
from mesh_plugins.http2.outgoing import check_status
from mesh_plugins.http2.own_code import with_own_code
from mesh_plugins.http2.receiving import Receiving
from mesh_plugins.http2.stream import NOT_YET, Stream

_METHODS_WITH_BODY = frozenset({b"PATCH", b"POST", b"PUT"})
"""Methods whose requests say so when they have no body. Source: RFC 9110 section 8.6."""

_STREAMS_BEFORE_SETTINGS = 100  # RFC 9113 section 6.5.2 recommends that nobody allows less.


class _Engine(Receiving):
    """What both sides have in common."""

    __slots__ = ()

    def __init__(self, owner: ConnectionOwner, options: Options, *, preface: bytes, start: bytes) -> None:
        super().__init__(owner, options, preface)
        window = options.connection_window - DEFAULT_WINDOW
        self._out.append(start)
        self._bytes = len(start)
        if window > 0:
            self._send_update(0, window)

    def _take_trailers(self, stream: Stream, block: bytes, *, ends: bool) -> None:
        if stream.remote_ended:
            self._heads.skip(block)
            self._fail_stream(stream, STREAM_CLOSED)
            return
        try:
            trailers = self._heads.trailers(block)
        except RemoteProtocolError as error:
            self._fail_stream(stream, ENHANCE_YOUR_CALM if isinstance(error, TooLarge) else PROTOCOL_ERROR)
            return
        if not ends or stream.left:
            self._fail_stream(stream, PROTOCOL_ERROR)
            return
        self._end_remote(stream)
        stream.owner.on_trailers(trailers[:])


@with_own_code
class FastServer(_Engine):
    """One connection with a client; see `Engine`. `clock` gives seconds, from wherever."""

    __slots__ = ("_clock", "_opened_before", "_resets", "_resets_since")

    def __init__(self, owner: ConnectionOwner, options: Options, clock: Callable[[], float]) -> None:
        settings = {MAX_CONCURRENT_STREAMS: options.max_streams} | _settings_of(options)
        super().__init__(owner, options, preface=PREFACE, start=write_settings(settings))
        self._clock = clock
        self._resets = self._opened_before = 0
        self._resets_since = -1e9

    def upgrade(self, settings: bytes, head: RequestHead) -> None:
        self._apply(settings)
        self._last = self._accepted = self._opened = 1
        self._begin(1, head)

    def reply(self, stream: int, status: int, headers: Fields, size: int | None, *, ends: bool) -> None:
        found = self._streams.get(stream)
        if found is None:
            return
        if found.answered or found.local_ended:
            raise LocalProtocolError("reply() after the final head of a reply")
        end = b""
        if status < 200:
            check_status(status)
            if ends:
                raise LocalProtocolError(f"an interim reply of status {status} that ends its stream")
        else:
            if status > 999:
                check_status(status)
            if size is not None and status != 204:  # RFC 9110 section 8.6
                end = WRITTEN_SIZES[size]
        self._send_head(stream, self._block(WRITTEN_STATUSES.__getitem__, status, headers, end), ends=ends)
        found.answered = status >= 200
        if ends:
            self._end_local(found)

    def open(
        self,
        owner: StreamOwner,
        method: bytes,
        target: bytes,
        scheme: bytes,
        headers: Fields,
        size: int | None,
        *,
        ends: bool,
    ) -> int:
        raise LocalProtocolError("a server opens no streams")

    def _take_block(self, ends: bool, number: int, block: bytes) -> None:
        stream = self._streams.get(number)
        if stream is not None:
            self._take_trailers(stream, block, ends=ends)
        elif number <= self._last or not number & 1:
            self._heads.skip(block)
            self._judge_stray(number)
        else:
            self._take_request(ends, number, block)

    def _take_request(self, ends: bool, number: int, block: bytes) -> None:
        if number - self._last > 2:
            self._closed.skip(self._last + 1, number - 1)
        if self._is_leaving or len(self._streams) >= self._options.max_streams:
            self._refuse(number, block, ends=ends)
            return
        self._last = self._accepted = number
        self._opened += 1
        try:
            method, target, scheme, headers, size = self._heads.request(block)
            if ends and size:
                raise RemoteProtocolError("a content-length, and no body")
            if not ends and method == b"TRACE":
                raise RemoteProtocolError("a TRACE request with a body")
        except RemoteProtocolError as error:
            self._refuse_head(number, error, ends=ends)
            return
        self._begin(number, RequestHead(method, target, scheme, headers[:], size, ends))

    def _begin(self, number: int, head: RequestHead) -> None:
        stream = Stream(number, head.size, remote_ended=head.ends, local_ended=False, to_head=head.method == b"HEAD")
        self._streams[number] = stream
        stream.owner = self._owner.on_request(number, head)

    def _refuse(self, number: int, block: bytes, *, ends: bool) -> None:
        """Refuse a stream that the client may open elsewhere, or later."""
        self._heads.skip(block)
        self._last = number
        if not ends:
            self._closed.add(number, by_peer=False)
        self._answer(write_reset(number, REFUSED_STREAM))
        if self.is_settled and not self._is_leaving:
            self._count_reset(False)

    def _refuse_head(self, number: int, error: RemoteProtocolError, *, ends: bool) -> None:
        """Source: RFC 9113 sections 8.1.1 and 10.5.1."""
        self.refusals.append(error)
        if not ends:
            self._closed.add(number, by_peer=False)
        if isinstance(error, TooLarge):
            self._send_head(number, self._block(WRITTEN_STATUSES.__getitem__, 431, [], WRITTEN_SIZES[0]), ends=True)
            if not ends:
                self._answer(write_reset(number, NO_ERROR))
        else:
            self._answer(write_reset(number, PROTOCOL_ERROR))
        self._count_reset(False)

    def _count_reset(self, answered: bool) -> None:
        """Source: CVE-2023-44487, CVE-2025-8671. Streams that were answered had their use, and do not count.

        More than a few, and more than half of the streams opened meanwhile: a client that gives up now and then goes on. For
        each stream that is reset, another one has to keep its place until it was answered, so that resets let a client ask for
        twice as much at most as the limit of streams does.
        """
        if answered:
            return
        allowed = self._limits.h2_max_client_resets
        now = self._clock()
        if now - self._resets_since > allowed.per_s:
            self._resets_since = now
            self._resets = 0
            self._opened_before = self._opened - len(self._streams) - 1
        self._resets += 1
        if self._resets > allowed.count and 2 * self._resets > self._opened - self._opened_before:
            self._fail(ENHANCE_YOUR_CALM, "too many streams that were reset")

    def _is_idle(self, number: int) -> bool:
        return number > self._last or not number & 1


@with_own_code
class FastClient(_Engine):
    """One connection to an endpoint; see `Engine`."""

    __slots__ = ("_allowed", "_next")

    _may_push = 0

    def __init__(self, owner: ConnectionOwner, options: Options, clock: Callable[[], float]) -> None:
        del clock  # a server can only reset what this side opened.
        settings = {ENABLE_PUSH: 0} | _settings_of(options)
        super().__init__(owner, options, preface=b"", start=PREFACE + write_settings(settings))
        self._allowed = _STREAMS_BEFORE_SETTINGS
        self._next = 1

    def open(
        self,
        owner: StreamOwner,
        method: bytes,
        target: bytes,
        scheme: bytes,
        headers: Fields,
        size: int | None,
        *,
        ends: bool,
    ) -> int:
        number = self._next
        if self._peer_leaves or len(self._streams) >= self._allowed or number > MAX_STREAM or self._has_failed:
            self._explain(number)
        if headers and headers[0][0] == b"host":
            authority = headers[0][1]
            headers = headers[1:]
        else:
            authority, headers = _take_host(headers)
        end = b""
        if size is not None and (size or method in _METHODS_WITH_BODY):
            end = WRITTEN_SIZES[size]
        block = self._block(self._writer.request, (method, scheme, authority, target), headers, end)
        self._next = number + 2
        self._opened += 1
        self._send_head(number, block, ends=ends)
        stream = Stream(number, NOT_YET, remote_ended=False, local_ended=ends, to_head=method == b"HEAD")
        stream.owner = owner
        self._streams[number] = stream
        return number

    def reply(self, stream: int, status: int, headers: Fields, size: int | None, *, ends: bool) -> None:
        raise LocalProtocolError("a client sends no replies")

    def upgrade(self, settings: bytes, head: RequestHead) -> None:
        raise LocalProtocolError("a client is asked for nothing")

    def _explain(self, number: int) -> NoReturn:
        """Say why no stream can be opened."""
        if self._peer_leaves or self._has_failed:
            raise LocalProtocolError("a new stream on a connection that takes no more")
        if number > MAX_STREAM:
            raise LocalProtocolError("a new stream on a connection that has used up its ids")
        raise LocalProtocolError(f"a new stream beyond the {self._allowed} that the server allows at a time")

    def _limit(self, streams: int) -> None:
        self._allowed = streams
        self._owner.on_limit(streams)

    def _take_block(self, ends: bool, number: int, block: bytes) -> None:
        stream = self._streams.get(number)
        if stream is None:
            self._heads.skip(block)
            self._judge_stray(number)
        elif stream.answered:
            self._take_trailers(stream, block, ends=ends)
        else:
            self._take_reply(ends, stream, block)

    def _take_reply(self, ends: bool, stream: Stream, block: bytes) -> None:
        try:
            status, headers, size = self._heads.reply(block)
        except RemoteProtocolError as error:
            self._fail_stream(stream, ENHANCE_YOUR_CALM if isinstance(error, TooLarge) else PROTOCOL_ERROR)
            return
        if status < 200:
            stream.interims += 1
            if ends or stream.interims > self._limits.max_1xx_responses:
                self._fail_stream(stream, PROTOCOL_ERROR if ends else ENHANCE_YOUR_CALM)
                return
        else:
            stream.answered = True
            stream.left = 0 if stream.to_head or status in (204, 304) else size
            if ends:
                if stream.left:
                    self._fail_stream(stream, PROTOCOL_ERROR)
                    return
                self._end_remote(stream)
        stream.owner.on_reply(ReplyHead(status, headers[:], size, ends))

    def _end_beyond(self, last: int, code: int) -> None:
        for stream in [stream for number, stream in self._streams.items() if number > last]:
            if stream.id in self._streams:
                self._drop(stream)
                self._closed.add(stream.id, by_peer=True)
                stream.owner.on_reset(code, by_peer=True, unprocessed=True)

    def _count_reset(self, answered: bool) -> None:
        """A server can reset no more than this side opened."""

    def _is_idle(self, number: int) -> bool:
        return number >= self._next or not number & 1


def _settings_of(options: Options) -> dict[int, int]:
    return {
        HEADER_TABLE_SIZE: options.header_table_bytes,
        INITIAL_WINDOW_SIZE: options.stream_window,
        MAX_FRAME_SIZE: options.max_frame_bytes,
        MAX_HEADER_LIST_SIZE: options.limits.h2_max_header_list_bytes,
    }


def _take_host(headers: Fields) -> tuple[bytes, Fields]:
    """Return the host, empty if there is none, and the other fields."""
    for at, (name, value) in enumerate(headers):
        if name == b"host":
            return value, headers[:at] + headers[at + 1 :]
    return b"", headers
