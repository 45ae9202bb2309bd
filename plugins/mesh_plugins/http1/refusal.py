"""What a client is told of a request that cannot be read: no filter sees it, so none can make or change the reply."""

from mesh import REASONS, RemoteProtocolError
from mesh_plugins.http1.head import ServerEngine


def refusal(error: RemoteProtocolError, engine: ServerEngine, *, clears_context: bool) -> bytes:
    """Return the whole reply that `engine` writes; nothing but the status if the server clears the context."""
    headers, body = list[tuple[bytes, bytes]](), b""
    if not clears_context:
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"l5d-err", _header_safe(str(error)))]
        body = f"{error}\n".encode()
    return engine.write_head(error.status, REASONS.get(error.status, b""), headers, len(body), keep_alive=False) + body


def _header_safe(text: str) -> bytes:
    return bytes(byte if 32 <= byte < 127 else 63 for byte in text.encode("latin-1", "replace"))
