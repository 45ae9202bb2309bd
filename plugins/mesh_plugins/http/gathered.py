"""Bodies that came in chunks, and are in memory all the same."""

from mesh import Buffered


class Gathered(Buffered):
    """A body whose size nobody had said before its end came, together with its head."""

    __slots__ = ()
