"""Sessions that carry one call at a time."""

from mesh import Connection, Session


class SingleSession(Session):
    """A session over one connection, free while its capacity is 1. A free one ends when its endpoint says or does anything."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        super().__init__(capacity=1)
        self._connection = connection
        connection.on_hang_up = self._hung_up

    def is_usable(self) -> bool:
        return not self.closed and self._connection.is_quiet()

    def _hung_up(self) -> None:
        """The endpoint closed, or spoke, while nobody was reading: a free connection is not kept open for nothing."""
        if self.capacity:
            self.close()

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.capacity = 0
            self._connection.close()
            self.on_change(self)
