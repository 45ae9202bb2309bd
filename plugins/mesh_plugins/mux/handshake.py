"""What two sides of Mux agree on before the first call. No I/O.

A client first sends an `Rerr` with the text "tinit check", which any peer can read. One that negotiates sends it back; one
that does not says something else, and is spoken to without. Then `Tinit` and `Rinit` carry headers.
Source: finagle-mux, Handshake.scala, transport/MuxFramer.scala, transport/CompressionNegotiation.scala;
finagle-core, ssl/OpportunisticTls.scala.
"""

import attrs

from mesh import Fields
from mesh_plugins.mux.compression import Agreed
from mesh_plugins.mux.messages import Init
from mesh_plugins.mux.wire import CONTROL_TAG, FINAGLES_RERR, RINIT, TINIT, Undecodable, frame

MARKER = b"tinit check"
VERSION = 1
FRAMER, TLS, COMPRESS = b"mux-framer", b"tls", b"compress"
ANY_WINDOW = 0x7FFFFFFF
LEVELS = ("off", "desired", "required")
"""What `tls` may say; anything else is `off`."""

MARKER_FRAME = frame(FINAGLES_RERR, CONTROL_TAG, MARKER)
HEADERS: Fields = [(FRAMER, ANY_WINDOW.to_bytes(4, "big")), (TLS, b"off")]
TINIT_FRAME = Init(TINIT, CONTROL_TAG, VERSION, tuple(HEADERS)).encode()


class Incompatible(Undecodable):
    """The peer asks for what this side does not do; the message says what."""


def rinit(tag: int) -> bytes:
    """Return the frame that answers a `Tinit` of that tag."""
    return Init(RINIT, tag, VERSION, tuple(HEADERS)).encode()


@attrs.frozen
class Terms:
    """What a peer asks for. `window` is the longest piece of a message that it wants to receive, in bytes."""

    window: int = ANY_WINDOW


def terms(message: Init) -> Terms:
    """Return the terms of a `Tinit` or `Rinit`. Raises `Undecodable`, mostly `Incompatible`. Unknown headers mean nothing."""
    if message.version != VERSION:
        raise Incompatible(f"Unsupported Mux version: {message.version}", message.tag)
    headers = dict(reversed(message.headers))  # the first of a name counts
    value = headers.get(FRAMER)
    window = ANY_WINDOW
    if value is not None:
        if len(value) < 4:
            raise Incompatible(f"tried to read 4 byte(s) when remaining bytes was {len(value)}", message.tag)
        window = int.from_bytes(value[:4], "big", signed=True)
        if window <= 0:
            raise Incompatible("requirement failed", message.tag)
    if message.kind == RINIT and COMPRESS in headers and Agreed.decode(headers[COMPRESS]) != Agreed():
        raise Incompatible(f"compression was chosen, which was not offered: {headers[COMPRESS]!r}", message.tag)
    negotiate_tls(level(headers.get(TLS, b"off")), "off")  # TLS is of the connection, never begun within it
    return Terms(window)


def level(value: bytes) -> str:
    """Return what a header `tls` says."""
    text = value.decode("latin-1")
    return text if text in LEVELS else "off"


def negotiate_tls(one: str, other: str) -> bool:
    """Return whether two sides that say so use TLS. Raises `Incompatible` if one must and the other does not."""
    if "required" in (one, other) and "off" in (one, other):
        # Finagle's words, which its clients show.
        raise Incompatible("Could not negotiate whether to use TLS or not.. Remote Info: Not Available", CONTROL_TAG)
    return "off" not in (one, other)


def is_marker(text: bytes, tag: int) -> bool:
    """Return whether an `Rerr` is the one that asks whether a peer negotiates."""
    return tag == CONTROL_TAG and text == MARKER
