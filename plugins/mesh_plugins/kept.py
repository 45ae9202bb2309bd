"""Address sets that outlive the source they came from."""

import attrs

from mesh import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Computed, Readable


class Kept(Computed[Addr]):
    """An address set that stays, once it was known, when its source is pending again or fails; `stale` then says why.

    That there is no such name is an answer like any other, and is kept as well.
    """

    __slots__ = ("_last",)

    def __init__(self, addr: Readable[Addr]) -> None:
        self._last: AddrBound | AddrNeg | None = None
        super().__init__(lambda read: self._keep(read(addr)))

    def _keep(self, addr: Addr) -> Addr:
        if isinstance(addr, AddrBound | AddrNeg):
            self._last = addr
            return addr
        if not isinstance(self._last, AddrBound):
            return addr if self._last is None else self._last
        match addr:
            case AddrFailed(cause):
                return attrs.evolve(self._last, stale=cause)
            case AddrPending():
                return attrs.evolve(self._last, stale="pending")
