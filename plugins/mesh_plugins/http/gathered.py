"""Bodies that came in pieces, and are in memory all the same."""

from mesh import Buffered, Fields


class Gathered(Buffered):
    """A body whose size nobody had said before its end came, together with its head."""

    __slots__ = ()


class Trailed(Gathered):
    """A body that came with its head, and so did its trailers."""

    __slots__ = ("_trailers",)

    def __init__(self, content: bytes, trailers: Fields) -> None:
        super().__init__(content)
        self._trailers = trailers

    @property
    def trailers(self) -> Fields:
        return self._trailers
