"""Where in a router a key belongs that stands elsewhere: linkerd 1.0 had many of them in the router itself."""

import re

from mesh.config.places import Place, routers_of
from mesh.config.shape import known_names
from mesh.keys import Category, Kind
from mesh.plugins import Kinds
from mesh.settings.router import ClientSettings, RouterSettings, ServerSettings, ServiceSettings

_SECTIONS = {
    "servers": (ServerSettings, "server"),
    "service": (ServiceSettings, "service"),
    "client": (ClientSettings, "client"),
}


_PARTS = re.compile(r"routers\[\d+\](?:\.(servers|service|client)(?:\[\d+\]|\.configs\[\d+\])?)?")


def find_home(name: str, place: Place, kinds: Kinds) -> str:
    """Return the parts of the router around `place` that know the key `name`, in words; empty if there are none.

    What `place` itself is has been looked at already, and is not among them. If this router knows the key nowhere, routers
    of other protocols may.
    """
    found = _PARTS.fullmatch(place.key)
    if place.protocol is None or found is None:
        return ""
    here = found[1]
    homes = [
        f"`{section}`"
        for section, (cls, part) in _SECTIONS.items()
        if section != here and name in known_names([cls, *_present(place.part(part))])
    ]
    if here and name in known_names([RouterSettings, *_present(place.protocol.config)]):
        homes.insert(0, "the router itself")
    others = [kind.name for kind in kinds.all() if name in _added_by(kind)]
    return " or ".join(homes) or (routers_of(others) if others else "")


def _added_by(kind: Kind) -> set[str]:
    """Return the keys that a protocol adds to routers and their parts; none for what is no protocol, or not built."""
    if kind.category is not Category.PROTOCOL or not kind.built:
        return set()
    return known_names([*_present(kind.config), *kind.parts.values()])


def _present(cls: type | None) -> list[type]:
    return [cls] if cls is not None else []
