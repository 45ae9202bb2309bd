"""The reference engine: the library h2, held to the contract of `engine`.

h2 keeps the states of streams and the windows. Its checks of fields are switched off, since each of them ends the whole
connection; `plain` checks instead, for one stream at a time. Slow (120 µs a message), and strict where h2 is lax.
"""

from collections.abc import Callable, Iterable

from h2.config import H2Configuration
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAckReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings
from hpack.struct import Header
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import GoAwayFrame, SettingsFrame

from mesh import Fields, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http2.engine import (
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    ConnectionFailed,
    ConnectionOwner,
    RequestHead,
    StreamOwner,
)
from mesh_plugins.http2.library import Library
from mesh_plugins.http2.options import DEFAULT_WINDOW, MAX_STREAM, Options
from mesh_plugins.http2.plain import (
    judge_reply,
    judge_request,
    judge_trailers,
    reply_fields,
    request_fields,
    trailer_fields,
)
from mesh_plugins.http2.plain_stream import PlainStream

MAX_OUTPUT = 262144  # bytes that wait to be sent, before bodies wait too
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class _Reference:
    """What both sides have in common. State: the streams that are not over."""

    def __init__(self, owner: ConnectionOwner, options: Options, *, is_client: bool) -> None:
        self._owner = owner
        self._options = options
        self._is_client = is_client
        self._streams: dict[int, PlainStream] = {}
        self._unread: dict[int, int] = {}
        self.is_settled = False
        self.refusals: list[RemoteProtocolError] = []
        self._failed = self._ending = self._peer_left = False
        self._allowed = -1
        self._h2 = Library(
            H2Configuration(
                client_side=is_client,
                validate_outbound_headers=False,
                normalize_outbound_headers=False,
                validate_inbound_headers=False,
                normalize_inbound_headers=False,
            )
        )
        self._begin(options)

    def _begin(self, options: Options) -> None:
        """Say what holds. h2 is told another limit of streams: one too many is refused here, and costs no connection."""
        told = {
            SettingCodes.HEADER_TABLE_SIZE: options.header_table_bytes,
            SettingCodes.INITIAL_WINDOW_SIZE: options.stream_window,
            SettingCodes.MAX_FRAME_SIZE: options.max_frame_bytes,
            SettingCodes.MAX_HEADER_LIST_SIZE: options.limits.h2_max_header_list_bytes,
        }
        if self._is_client:
            told[SettingCodes.ENABLE_PUSH] = 0
        library = self._h2
        library.local_settings = Settings(
            client=self._is_client, initial_values=told | {SettingCodes.MAX_CONCURRENT_STREAMS: MAX_STREAM}
        )
        library.decoder.max_header_list_size = options.limits.h2_max_header_list_bytes
        library.decoder.max_allowed_table_size = options.header_table_bytes
        library.max_inbound_frame_size = options.max_frame_bytes
        library.initiate_connection()
        library.clear_outbound_data_buffer()
        if not self._is_client:
            told[SettingCodes.MAX_CONCURRENT_STREAMS] = options.max_streams
        self._opening = (PREFACE if self._is_client else b"") + SettingsFrame(
            0, settings={int(code): value for code, value in told.items()}
        ).serialize()
        if options.connection_window > DEFAULT_WINDOW:
            library.increment_flow_control_window(options.connection_window - DEFAULT_WINDOW)

    def feed(self, data: bytes) -> None:
        if self._failed:
            return
        try:
            for event in self._h2.events(data):
                self._take(event)
        except ProtocolError as error:
            self._h2.give_up(error.error_code)
            self._fail(int(error.error_code), str(error))
        except HyperframeError as error:
            self._h2.give_up(PROTOCOL_ERROR)
            self._fail(PROTOCOL_ERROR, str(error))

    def _fail(self, code: int, message: str) -> None:
        self._failed = True
        self._end_all(code, by_peer=False)
        raise ConnectionFailed(code, message)

    def abandon(self, code: int) -> None:
        self._failed = True
        self._end_all(code, by_peer=True)

    def _end_all(self, code: int, *, by_peer: bool) -> None:
        streams, self._streams = self._streams, {}
        for stream in streams.values():
            stream.owner.on_reset(code, by_peer=by_peer, unprocessed=False)

    def upgrade(self, settings: bytes, head: RequestHead) -> None:
        try:
            self._h2.upgraded(settings)
        except (ProtocolError, HyperframeError) as error:
            self._fail(PROTOCOL_ERROR, str(error))
        stream = self._streams[1] = PlainStream(received=True)
        stream.owner = self._owner.on_request(1, head)

    def _take(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._take_request(event.stream_id, event.headers, ends=event.stream_ended is not None)
            case ResponseReceived() | InformationalResponseReceived():
                self._take_reply(event)
            case DataReceived():
                self._take_data(event)
            case TrailersReceived():
                self._take_trailers(event)
            case StreamReset():
                self._drop(event.stream_id, int(event.error_code), by_peer=event.remote_reset)
            case WindowUpdated():
                self._tell_room(event.stream_id)
            case RemoteSettingsChanged():
                self._tell_limit()
                self._tell_room(0)
            case SettingsAcknowledged():
                self.is_settled = True
            case PingAckReceived():
                self._owner.on_pong(event.ping_data)
            case ConnectionTerminated():
                self._take_goaway(event)
            case _:
                pass

    def _take_request(self, number: int, fields: Iterable[Header], *, ends: bool) -> None:
        if self._ending or len(self._streams) >= self._options.max_streams:
            self._h2.reset_stream(number, REFUSED_STREAM)
            return
        try:
            head = judge_request(self._plain(fields), ends=ends)
        except RemoteProtocolError as error:
            self.refusals.append(error)
            self._h2.reset_stream(number, PROTOCOL_ERROR)
            return
        # The owner may answer within the call.
        stream = self._streams[number] = PlainStream(received=ends, left=None if ends else head.size)
        stream.owner = self._owner.on_request(number, head)

    def _plain(self, fields: Iterable[Header]) -> Fields:
        plain = [(bytes(field[0]), bytes(field[1])) for field in fields]
        if len(plain) > self._options.limits.max_header_fields:
            raise RemoteProtocolError(f"{len(plain)} fields", status=431)
        return plain

    def _take_reply(self, event: ResponseReceived | InformationalResponseReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        ends = isinstance(event, ResponseReceived) and event.stream_ended is not None
        try:
            head = judge_reply(self._plain(event.headers), ends=ends)
        except RemoteProtocolError:
            self._break(event.stream_id)
            return
        stream.announce(head)
        if ends:
            if not stream.fits(0, ends=True):
                self._break(event.stream_id)
                return
            self._received(event.stream_id, stream)
        stream.owner.on_reply(head)

    def _take_data(self, event: DataReceived) -> None:
        number, cost = event.stream_id, event.flow_controlled_length
        stream = self._streams.get(number)
        self._unread[number] = self._unread.get(number, 0) + cost
        if stream is None:
            self._let_go(number)
            return
        ends = event.stream_ended is not None
        if not stream.fits(len(event.data), ends=ends):
            self._break(number)
            return
        if ends:
            self._received(number, stream)
        if event.data or ends:
            stream.owner.on_data(event.data, cost, ends=ends)
        else:
            self.consumed(number, cost)

    def _take_trailers(self, event: TrailersReceived) -> None:
        stream = self._streams.get(event.stream_id)
        if stream is None:
            return
        try:
            trailers = judge_trailers(self._plain(event.headers))
        except RemoteProtocolError:
            self._break(event.stream_id)
            return
        if not stream.fits(0, ends=True):
            self._break(event.stream_id)
            return
        self._received(event.stream_id, stream)
        stream.owner.on_trailers(trailers)

    def _received(self, number: int, stream: PlainStream) -> None:
        stream.received = True
        if stream.sent:
            self._streams.pop(number, None)

    def _sent(self, number: int, stream: PlainStream) -> None:
        stream.sent = True
        if stream.received:
            self._streams.pop(number, None)

    def _break(self, number: int) -> None:
        """End a stream in which the peer broke a rule."""
        self._h2.reset_stream(number, PROTOCOL_ERROR)
        self._drop(number, PROTOCOL_ERROR, by_peer=False)

    def _drop(self, number: int, code: int, *, by_peer: bool, unprocessed: bool = False) -> None:
        self._let_go(number)
        stream = self._streams.pop(number, None)
        if stream is not None:
            unprocessed = unprocessed or (by_peer and code == REFUSED_STREAM)
            stream.owner.on_reset(code, by_peer=by_peer, unprocessed=unprocessed)

    def _take_goaway(self, event: ConnectionTerminated) -> None:
        self._peer_left = True
        last = event.last_stream_id or 0
        if self._is_client:
            for number in [number for number in self._streams if number > last]:
                self._drop(number, REFUSED_STREAM, by_peer=True, unprocessed=True)
        self._owner.on_goaway(last, int(event.error_code or 0), event.additional_data or b"")

    def _tell_limit(self) -> None:
        allowed = min(self._h2.remote_settings.max_concurrent_streams, MAX_STREAM)
        if allowed != self._allowed:
            self._allowed = allowed
            self._owner.on_limit(allowed)

    def _tell_room(self, number: int) -> None:
        for known in [number] if number else list(self._streams):
            stream = self._streams.get(known)
            if stream is not None and stream.waits and self._h2.local_flow_control_window(known) > 0:
                stream.waits = False
                stream.owner.on_room()

    def take_output(self) -> bytes:
        opening, self._opening = self._opening, b""
        data: bytes = self._h2.data_to_send()
        if len(data) >= MAX_OUTPUT:
            self._tell_room(0)
        return opening + data

    @property
    def open_streams(self) -> int:
        return len(self._streams)

    @property
    def is_in_head(self) -> bool:
        return self._h2.is_in_head()

    def pending(self) -> int:
        return len(self._opening) + self._h2.size()

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
        fields = request_fields(method, target, scheme, headers, size, ends=ends)
        library = self._h2
        if self._failed or self._peer_left:
            raise LocalProtocolError("no new stream: the peer takes none any more")
        if len(self._streams) >= library.remote_settings.max_concurrent_streams:
            raise LocalProtocolError("no new stream: the peer allows no more at a time")
        try:
            number: int = library.get_next_available_stream_id()
            library.send_headers(number, fields, end_stream=ends)
        except ProtocolError as error:
            raise LocalProtocolError(f"no new stream: {error}") from error
        self._streams[number] = stream = PlainStream(sent=ends, to_head=method == b"HEAD")
        stream.owner = owner
        return number

    def reply(self, stream: int, status: int, headers: Fields, size: int | None, *, ends: bool) -> None:
        known = self._streams.get(stream)
        fields = reply_fields(status, headers, size)
        if known is not None:
            self._h2.send_headers(stream, fields, end_stream=ends)
            if ends:
                self._sent(stream, known)

    def send_data(self, stream: int, data: bytes, *, ends: bool) -> int:
        known, library = self._streams.get(stream), self._h2
        if known is None:
            return len(data)
        room = min(library.local_flow_control_window(stream), len(data), max(0, MAX_OUTPUT - library.size()))
        most, sent = library.max_outbound_frame_size, 0
        while sent < room:
            piece = data[sent : min(sent + most, room)]
            sent += len(piece)
            library.send_data(stream, piece, end_stream=ends and sent == len(data))
        if sent < len(data):
            known.waits = True
        elif ends:
            if not data:
                library.end_stream(stream)
            self._sent(stream, known)
        return sent

    def send_trailers(self, stream: int, trailers: Fields) -> None:
        known = self._streams.get(stream)
        fields = trailer_fields(trailers)
        if known is not None:
            self._h2.send_headers(stream, fields, end_stream=True)
            self._sent(stream, known)

    def consumed(self, stream: int, cost: int) -> None:
        unread = self._unread.pop(stream, 0)
        if unread > cost:
            self._unread[stream] = unread - cost
        if unread and cost and not self._failed:
            self._h2.acknowledge_received_data(cost, stream)

    def _let_go(self, number: int) -> None:
        """Give back what nobody will read of a stream."""
        self.consumed(number, self._unread.get(number, 0))

    def reset(self, stream: int, code: int) -> None:
        self._let_go(stream)
        if self._streams.pop(stream, None) is not None:
            self._h2.reset_stream(stream, code)

    def ping(self, data: bytes) -> None:
        self._h2.ping(data)

    def go_away(self, code: int, *, last: bool) -> None:
        self._ending = self._ending or last
        highest = self._h2.highest_inbound_stream_id if last else MAX_STREAM
        self._h2.put(GoAwayFrame(0, last_stream_id=highest, error_code=code))


class ReferenceServer(_Reference):
    """A connection with a client."""

    def __init__(self, owner: ConnectionOwner, options: Options, _clock: Callable[[], float]) -> None:
        super().__init__(owner, options, is_client=False)


class ReferenceClient(_Reference):
    """A connection to an endpoint."""

    def __init__(self, owner: ConnectionOwner, options: Options, _clock: Callable[[], float]) -> None:
        super().__init__(owner, options, is_client=True)
