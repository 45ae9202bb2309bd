"""What travels beside a call and its reply: in TTwitter's headers, and in Mux under the same names.

Source: finagle-thrift, tracing.thrift (`RequestHeader`, `ResponseHeader`).
"""

import attrs

from mesh import TraceId

Contexts = list[tuple[bytes, bytes]]
"""Broadcast contexts in order: id and value. Those that are not known are passed on."""


@attrs.define(eq=False)
class RequestHeader:
    """What a caller says beside its call; filters may change it, of one attempt's copy.

    `delegations` are the pairs of a dtab, prefix and tree as text.
    """

    trace: TraceId | None = None
    client_id: bytes = b""
    contexts: Contexts = attrs.field(factory=list)
    dest: bytes = b""
    delegations: Contexts = attrs.field(factory=list)

    def context(self, name: bytes) -> bytes | None:
        """Return the value of the last context with this id, whose letters may be of either case."""
        for key, value in reversed(self.contexts):
            if key == name or key.lower() == name.lower():
                return value
        return None

    def set_context(self, name: bytes, value: bytes) -> None:
        """Put a context in the place of those with this id."""
        self.contexts = [(key, old) for key, old in self.contexts if key.lower() != name.lower()]
        self.contexts.append((name, value))
