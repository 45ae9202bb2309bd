"""A linker between Finagle's clients and servers."""

import json
from typing import Any

import attrs

from tests.proxies import Keys


@attrs.frozen
class Route:
    """What a stack file says of one router, whose server is on a free port."""

    protocol: str
    dtab: str
    server: Keys = attrs.field(factory=dict)
    client: Keys = attrs.field(factory=dict)
    router: Keys = attrs.field(factory=dict)
    namers: list[Keys] = attrs.field(factory=list)

    @property
    def stack(self) -> str:
        """The stack file."""
        servers: list[Any] = [{"port": 0, **self.server}]
        keys = {
            "protocol": self.protocol,
            **({"experimental": True} if self.protocol == "thriftmux" else {}),
            "dtab": self.dtab,
            "servers": servers,
            "client": {**self.client},
            **self.router,
        }
        return json.dumps({"admin": {"port": 0, "shutdownGraceMs": 5000}, "namers": self.namers, "routers": [keys]})


def to(port: int, prefix: str = "/svc") -> str:
    """Return a dtab that takes every name to a port."""
    return f"{prefix} => /$/inet/127.0.0.1/{port};"
