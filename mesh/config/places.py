"""Where the reader is: the path of keys, the router's protocol, and whether all of this is not built yet anyway."""

import attrs

from mesh.keys import Kind


@attrs.frozen
class Place:
    """A place in a stack file.

    `protocol` is that of the router it is in. Inside something `planned`, which is reported as not built yet as a whole,
    nothing is reported so again.
    """

    key: str = ""
    protocol: Kind | None = None
    planned: bool = False

    def child(self, name: str, *, planned: bool = False) -> "Place":
        """Return the place of a key in this map."""
        key = f"{self.key}.{name}" if self.key else name
        return Place(key, self.protocol, self.planned or planned)

    def item(self, number: int) -> "Place":
        """Return the place of an item of this list."""
        return Place(f"{self.key}[{number}]", self.protocol, self.planned)

    def within(self, protocol: Kind | None) -> "Place":
        """Return this place in a router of `protocol`."""
        return Place(self.key, protocol, self.planned)

    @property
    def protocol_name(self) -> str:
        return self.protocol.name if self.protocol is not None else ""

    def part(self, name: str) -> type | None:
        """Return the class that the protocol adds to the part of a stack file called `name`, if any."""
        return self.protocol.parts.get(name) if self.protocol is not None else None

    @property
    def is_open(self) -> bool:
        """Whether keys that nobody knows may belong to the protocol: it is not built, so its keys are not known."""
        return self.protocol is not None and not self.protocol.built
