"""Bodies whose bytes are counted as they are received."""

from collections.abc import Callable

from mesh import Body, Fields, MeshError


class Counted(Body):
    """A body that passes on another one. `count` is its bytes so far, `is_done` and `error` how it ended, if it did."""

    __slots__ = ("_body", "count", "error", "is_done")

    def __init__(self, body: Body) -> None:
        self._body = body
        self.count = 0
        self.is_done = False
        self.error: MeshError | None = None

    @property
    def size(self) -> int | None:
        return self._body.size

    @property
    def buffered(self) -> bytes | None:
        return self._body.buffered

    @property
    def trailers(self) -> Fields:
        return self._body.trailers

    def watch(self, cut: Callable[[], object]) -> None:
        self._body.watch(cut)

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
