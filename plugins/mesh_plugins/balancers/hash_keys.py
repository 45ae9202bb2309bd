"""What of a request decides on its endpoint, where that is to be the same for like requests."""

from collections.abc import Callable
from hashlib import blake2b
from typing import ClassVar

import attrs

from mesh import HttpRequest, Request, field, key
from mesh_plugins.http.protocols import OF_HTTP

Extract = Callable[[Request], bytes | None]
"""Returns the value that a request is hashed by, or None if it has none."""


@attrs.frozen
class HashKeys:
    """The keys that all hashing balancers share. Raises `ValueError` if there is nothing to hash."""

    pins: ClassVar[bool] = True  # a request's endpoint follows from the request

    http_header_name: str = key("The header whose value decides on the endpoint.", "", protocols=OF_HTTP)
    http_cookie_name: str = key(
        "The cookie whose value decides; for requests without that header.", "", protocols=OF_HTTP
    )
    http_query_parameter_name: str = key(
        "The parameter of the target's query that decides; for requests without those.", "", protocols=OF_HTTP
    )
    use_source_ip: bool = key(
        "The address of the client decides, without its port; for requests without any of those.", False
    )
    hash_balance_factor: int | None = key(
        "In percent of the mean: an endpoint with that many requests in progress is passed over; by default never.",
        None,
        least=100,
    )
    max_effort: int = key(
        "How many endpoints are looked at, when the first is not available or has too many requests.", 100, least=1
    )

    def __attrs_post_init__(self) -> None:
        if not any(self._given):
            names = "`httpHeaderName`, `httpCookieName`, `httpQueryParameterName` or `useSourceIp`"
            raise ValueError(f"at least one of {names} must say what requests are hashed by")

    @property
    def _given(self) -> tuple[str | bool, ...]:
        return (self.http_header_name, self.http_cookie_name, self.http_query_parameter_name, self.use_source_ip)

    @property
    def extracts(self) -> tuple[Extract, ...]:
        """What finds the value, the first one first."""
        named = (
            (self.http_header_name.lower(), by_header),
            (self.http_cookie_name, by_cookie),
            (self.http_query_parameter_name, by_query),
        )
        found = [make(name.encode("latin-1")) for name, make in named if name]
        return (*found, by_source) if self.use_source_ip else tuple(found)


def by_header(name: bytes) -> Extract:
    """Return what finds the value of the first header `name`, in lower case."""

    def extract(request: Request) -> bytes | None:
        return field(request.headers, name) if isinstance(request, HttpRequest) else None

    return extract


def by_cookie(name: bytes) -> Extract:
    """Return what finds the value of a cookie. Source: RFC 6265 section 4.2."""
    begin = name + b"="

    def extract(request: Request) -> bytes | None:
        if isinstance(request, HttpRequest):
            for header, value in request.headers:
                if header == b"cookie" and begin in value:
                    for pair in value.split(b";"):
                        pair = pair.strip()
                        if pair.startswith(begin):
                            return pair[len(begin) :]
        return None

    return extract


def by_query(name: bytes) -> Extract:
    """Return what finds the value of a parameter of the query, as it stands in the target."""
    begin = name + b"="

    def extract(request: Request) -> bytes | None:
        if isinstance(request, HttpRequest):
            query = request.target.partition(b"?")[2]
            if begin in query:
                for pair in query.split(b"&"):
                    if pair.startswith(begin):
                        return pair[len(begin) :]
        return None

    return extract


def by_source(request: Request) -> bytes | None:
    """Find the address of the client's end of the connection; what a header claims is for `httpHeaderName`."""
    peer = request.context.peer
    host = peer.rpartition(":")[0] or peer
    return host.encode() if host else None


def digest(value: bytes) -> int:
    """Hash to 64 bits, alike in every process and version."""
    return int.from_bytes(blake2b(value, digest_size=8).digest(), "big")
