"""The files of the `fs` namer: one endpoint per line, `host port` or `host port * weight`, `#` comments, blank lines.

Words such as `zone=eu-1a` may follow, which linkerd does not know: the metadata of the endpoint.

Source: linkerd, WatchingNamer.scala.
"""

import math
import re
from typing import Final

import attrs

from mesh import NO_META, Endpoint
from mesh_plugins.namers.hosts import MAX_PORT, is_name, literal

_PORT: Final = re.compile(r"[0-9]{1,5}")
_META: Final = re.compile(r"([A-Za-z][\w.-]*)=(.+)")
_WEIGHT: Final = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


@attrs.frozen(eq=False)
class EndpointList:
    """What a file says, in its order, no endpoint twice (the first line counts).

    `names` are the hosts that are names, not addresses; an endpoint may have one in place of its address. `malformed` is
    the first line that is not understood, without its comment, if there is one.
    """

    endpoints: tuple[Endpoint, ...]
    names: tuple[str, ...] = ()
    malformed: str | None = None


def read_endpoints(content: bytes) -> EndpointList:
    """Read the content of a file; lines that are not understood are left out."""
    endpoints: dict[tuple[str, int], Endpoint] = {}
    names: dict[str, None] = {}
    malformed: str | None = None
    for line in content.decode("utf-8", "backslashreplace").split("\n"):
        words = line.partition("#")[0].split()
        if not words:
            continue
        host = literal(words[0])
        endpoint = _read_endpoint(words, words[0] if host is None else host)
        if endpoint is None or (host is None and not is_name(words[0])):
            malformed = malformed or " ".join(words)
            continue
        if host is None:
            names[words[0]] = None
        endpoints.setdefault((endpoint.host, endpoint.port), endpoint)
    return EndpointList(tuple(endpoints.values()), tuple(names), malformed)


def _read_endpoint(words: list[str], host: str) -> Endpoint | None:
    meta: dict[str, str] = {}
    while len(words) > 2 and (found := _META.fullmatch(words[-1])):
        meta[found[1]] = found[2]
        words = words[:-1]
    weight = 1.0
    if len(words) == 4 and words[2] == "*" and _WEIGHT.fullmatch(words[3]):
        weight = float(words[3])
    elif len(words) != 2:
        return None
    port = int(words[1]) if _PORT.fullmatch(words[1]) else 0
    return Endpoint(host, port, weight, meta or NO_META) if 0 < port <= MAX_PORT and math.isfinite(weight) else None
