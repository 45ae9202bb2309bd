"""The library h2, made to do what the reference engine needs of it."""

from collections.abc import Iterator

from h2.connection import AllowedStreamIDs, ConnectionInputs, H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, Event
from h2.exceptions import FrameTooLargeError
from hyperframe.frame import Frame, GoAwayFrame, SettingsFrame

HEADER = 9  # bytes of a frame before its payload


class Library(H2Connection):
    """h2's connection, frame by frame, and talking on after the peer's GOAWAY, as streams in flight need it."""

    def _receive_goaway_frame(self, frame: GoAwayFrame) -> tuple[list[Frame], list[Event]]:
        event = ConnectionTerminated()
        event.error_code = frame.error_code
        event.last_stream_id = frame.last_stream_id
        event.additional_data = frame.additional_data or b""
        return [], [event]

    def events(self, data: bytes) -> Iterator[Event]:
        """Yield what comes of `data`, each event before the next frame is looked at."""
        buffer = self.incoming_buffer
        buffer.add_data(data)
        buffer.max_frame_size = self.max_inbound_frame_size
        for frame in buffer:
            yield from self._receive_frame(frame)
        rest = buffer._data
        if (
            len(rest) >= HEADER and int.from_bytes(rest[:3]) > self.max_inbound_frame_size
        ):  # h2 would wait for all of it
            raise FrameTooLargeError("a frame larger than was allowed")

    def upgraded(self, settings: bytes) -> None:
        """Take the client's first settings, and its request in HTTP/1.1 as stream 1."""
        frame = SettingsFrame(0)
        frame.parse_body(memoryview(settings))
        kept = bytes(self._data_to_send)
        self._receive_settings_frame(frame)
        self._data_to_send = bytearray(kept)
        self.state_machine.process_input(ConnectionInputs.RECV_HEADERS)
        self._begin_new_stream(1, AllowedStreamIDs.ODD).upgrade(False)

    def give_up(self, code: int) -> None:
        self._terminate_connection(ErrorCodes(code))

    def put(self, frame: Frame) -> None:
        self._prepare_for_sending([frame])

    def is_in_head(self) -> bool:
        return bool(self.incoming_buffer._headers_buffer)

    def size(self) -> int:
        return len(self._data_to_send)
