"""The dtab that came beside a call, as pairs of texts; the same ones come again and again, so they are remembered."""

from mesh import BadRequestContext, Dtab, NameSyntaxError
from mesh_plugins.thrift.header import Contexts

MEMO = 256  # overrides remembered, read once each; cleared when full
LONGEST = 8192  # bytes of an override that is read at all


class Delegations:
    """Reads the delegations of one server's calls. State: those that were read."""

    __slots__ = ("_memo",)

    def __init__(self) -> None:
        self._memo: dict[tuple[tuple[bytes, bytes], ...], Dtab] = {}

    def read(self, pairs: Contexts) -> Dtab:
        """Return the dtab. Raises `BadRequestContext` for one that makes no sense, or is too long."""
        key = tuple(pairs)
        dtab = self._memo.get(key)
        if dtab is None:
            text = ";".join(f"{src.decode('latin-1')}=>{dst.decode('latin-1')}" for src, dst in pairs)
            if len(text) > LONGEST:
                raise BadRequestContext(f"a dtab override of {len(text)} bytes is longer than {LONGEST}")
            try:
                dtab = Dtab.read(text)
            except NameSyntaxError as error:
                raise BadRequestContext(str(error)) from error
            if len(self._memo) >= MEMO:
                self._memo.clear()
            self._memo[key] = dtab
        return dtab
