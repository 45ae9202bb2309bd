"""The client's side of the handshake, until the first call may be sent. No I/O.

An endpoint may ping, or drain, before it has said whether it negotiates: that is answered, and says nothing of the
handshake. Source: finagle-mux, pushsession/MuxClientNegotiatingSession.scala, which takes either for a failure.
"""

import attrs

from mesh_plugins.mux import messages, wire
from mesh_plugins.mux.handshake import ANY_WINDOW, MARKER, TINIT_FRAME, terms
from mesh_plugins.mux.wire import CONTROL_TAG, Undecodable, frame

MARKED = messages.Error(CONTROL_TAG, MARKER.decode())


@attrs.frozen
class Step:
    """What follows from a message: `send` this; it `is_over`, and `window` is what was agreed; the endpoint `drains`."""

    send: bytes = b""
    is_over: bool = False
    window: int = ANY_WINDOW
    drains: bool = False


class Shaking:
    """One handshake. State: `_is_asking` until the endpoint has said whether it negotiates."""

    __slots__ = ("_is_asking",)

    def __init__(self) -> None:
        self._is_asking = True

    def step(self, message: messages.Message) -> Step:
        """Go on. Raises `Undecodable` for what does not belong there."""
        match message:
            case messages.Control(kind=wire.TPING, tag=tag):
                return Step(frame(wire.RPING, tag))
            case messages.Control(kind=wire.TDRAIN, tag=tag):
                return Step(frame(wire.RDRAIN, tag), drains=True)
            case messages.Init(kind=wire.RINIT) if not self._is_asking:
                return Step(is_over=True, window=terms(message).window)
        if not self._is_asking:
            raise Undecodable(f"no Rinit but {message}", message.tag)
        if message == MARKED:
            self._is_asking = False
            return Step(TINIT_FRAME)
        return Step(is_over=True)  # one that does not negotiate, and has said that it does not understand
