"""What gRPC says of retries: when a server wants to be asked again, and how often a call was tried before.

Source: grpc/proposal, A6-client-retries.md, "Pushback" and "Exposed Retry Metadata".
"""

import re

from mesh import HttpReply, HttpRequest, MeshError, Reply, Request, field
from mesh_plugins.filters.retries import RetryManners
from mesh_plugins.grpc.content import is_grpc

PUSHBACK_MS = b"grpc-retry-pushback-ms"
PREVIOUS_ATTEMPTS = b"grpc-previous-rpc-attempts"
NEVER = -1.0

_NUMBER = re.compile(rb"[0-9]{1,9}")


def pushback(failed: Reply | MeshError) -> float | None:
    """Return after how many seconds an endpoint wants to be asked again; negative is never, None no say.

    What is no number means never, as gRPC has it.
    """
    if not isinstance(failed, HttpReply):
        return None
    value = field([*failed.body.trailers, *failed.headers], PUSHBACK_MS)
    if value is None:
        return None
    return int(value) / 1e3 if _NUMBER.fullmatch(value) else NEVER


def mark(request: Request, retries: int) -> None:
    """Let a call say how often it was tried before, by its client and here."""
    if not isinstance(request, HttpRequest) or not is_grpc(request.headers):
        return
    headers = request.headers
    for place, (name, value) in enumerate(headers):
        if name == PREVIOUS_ATTEMPTS:
            before = int(value) if _NUMBER.fullmatch(value) else 0
            headers[place] = (name, b"%d" % (before + retries))
            return
    headers.append((PREVIOUS_ATTEMPTS, b"%d" % retries))


MANNERS = RetryManners(records_unsized=True, pushback=pushback, mark=mark)
"""Of a router of HTTP/2: what gRPC says is read where there is any, and bodies seldom say how long they are."""
