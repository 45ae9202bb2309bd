"""Bodies whose bytes are counted as they are received."""

from mesh import Body, MeshError, WrappedBody


class Counted(WrappedBody):
    """A body that passes on another one. `count` is its bytes so far, `is_done` and `error` how it ended, if it did."""

    __slots__ = ("count", "error", "is_done")

    def __init__(self, body: Body) -> None:
        super().__init__(body)
        self.count = 0
        self.is_done = False
        self.error: MeshError | None = None

    @property
    def size(self) -> int | None:
        return self._body.size

    @property
    def buffered(self) -> bytes | None:
        return self._body.buffered

    async def receive(self) -> bytes:
        try:
            piece = await self._body.receive()
        except MeshError as error:
            self.error = error
            raise
        if piece:
            self.count += len(piece)
        else:
            self.is_done = True
        return piece
