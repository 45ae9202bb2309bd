"""Where the reader is: the path of keys, the router's protocol, and whether all of this is not built yet anyway."""

from collections.abc import Iterable

import attrs

from mesh.config.nodes import one_line
from mesh.keys import Kind


@attrs.frozen
class Place:
    """A place in a stack file.

    `protocol` is that of the router it is in; `is_unsure` if that could not be read. Inside something `planned`, which
    is reported as not built yet as a whole, nothing is reported so again.
    """

    key: str = ""
    protocol: Kind | None = None
    planned: bool = False
    is_unsure: bool = False

    def child(self, name: str, *, planned: bool = False) -> "Place":
        """Return the place of a key in this map."""
        key = f"{self.key}.{one_line(name)}" if self.key else one_line(name)
        return Place(key, self.protocol, self.planned or planned, self.is_unsure)

    def item(self, number: int) -> "Place":
        """Return the place of an item of this list."""
        return Place(f"{self.key}[{number}]", self.protocol, self.planned, self.is_unsure)

    def within(self, protocol: Kind | None) -> "Place":
        """Return this place in a router of `protocol`, None if it could not be read."""
        return Place(self.key, protocol, self.planned, protocol is None)

    def serves(self, protocols: tuple[str, ...]) -> bool:
        """Whether what is only for these protocols (none: for any) may stand here; outside of routers anything may."""
        return not protocols or not self.protocol_name or self.protocol_name in protocols

    @property
    def protocol_name(self) -> str:
        return self.protocol.name if self.protocol is not None else ""

    def part(self, name: str) -> type | None:
        """Return the class that the protocol adds to the part of a stack file called `name`, if any."""
        return self.protocol.parts.get(name) if self.protocol is not None else None

    @property
    def is_open(self) -> bool:
        """Whether keys that nobody knows may belong to the protocol: it is not known, or not built, so its keys are not."""
        return self.is_unsure or (self.protocol is not None and not self.protocol.built)


def routers_of(protocols: Iterable[str]) -> str:
    """Return in words where something belongs that is for routers of these protocols alone."""
    return f"a router of the protocol {' or '.join(protocols)}"
