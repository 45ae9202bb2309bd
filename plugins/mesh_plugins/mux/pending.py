"""Calls of Mux that wait for their answers."""

from mesh_plugins import pending
from mesh_plugins.mux.message import MuxReply, MuxRequest


class Call(pending.Call[MuxRequest, MuxReply]):
    """A call that waits. `is_plain`: it was sent as a `Treq`; whoever makes it says so at once."""

    __slots__ = ("is_plain",)

    is_plain: bool
