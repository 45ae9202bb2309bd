"""The calls that one session of Mux has open: each keeps its tag for as long as it is kept itself."""

from collections.abc import Callable

from mesh_plugins.connections.calls import Call, Calls
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.tags import Tags

MuxCall = Call[MuxRequest | None, MuxReply]
"""A call of Mux. `request` is what may have to be sent again, as a `Treq`; None if it was sent so."""


class Tagged(Calls[MuxRequest | None, MuxReply]):
    """Gives out calls with their tags. To take one raises `LookupError` if no tag is left."""

    __slots__ = ("_tags",)

    def __init__(self, abandon: Callable[[MuxCall], None]) -> None:
        super().__init__(abandon)
        self._tags = Tags()

    def _new(self) -> MuxCall:
        return Call(self._tags.take(), self._abandon)

    def _forget(self, call: MuxCall) -> None:
        self._tags.give_back(call.tag)
