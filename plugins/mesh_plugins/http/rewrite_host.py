"""Asks endpoints for the host that they know themselves by, where discovery says that it is another one.

Source: linkerd protocol/http, RewriteHostHeader.scala.
"""

import re

from mesh import BOUND, ENDPOINT, AddrBound, AnyService, HttpReply, HttpRequest, Make, Module, Params, bind, field

AUTHORITY = "authority"
_MAPPED_BACK = frozenset(
    {b"location", b"refresh"}
)  # replies whose services know no other host than the one they were asked for
_IN_HOSTS = rb"[A-Za-z0-9_.-]"


class RewriteHost:
    """Puts another host into the request, and the client's own back into `location` and `refresh` of the reply.

    The request is itself again once the reply is there, for another attempt at another endpoint.
    """

    __slots__ = ("_authority", "_pattern")

    def __init__(self, authority: bytes) -> None:
        self._authority = authority
        host = rb"(?<!%s)%s(?!%s)" % (_IN_HOSTS, re.escape(authority), _IN_HOSTS)
        self._pattern = re.compile(host, re.IGNORECASE)

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        before = request.headers
        original = field(before, b"host")
        request.headers = [(b"host", self._authority), *(item for item in before if item[0] != b"host")]
        try:
            reply: HttpReply = await service(request)
        finally:
            request.headers = before
        if original and any(name in _MAPPED_BACK for name, _value in reply.headers):
            reply.headers = [
                (name, self._pattern.sub(lambda _found: original, value) if name in _MAPPED_BACK else value)
                for name, value in reply.headers
            ]
        return reply


def _authority(params: Params) -> str:
    """Return the host of an endpoint: its own, or that of the set it belongs to; empty if neither has one."""
    name = params[BOUND]
    addr = None if name is None else name.addr.value
    of_all = addr.meta.get(AUTHORITY, "") if isinstance(addr, AddrBound) else ""
    return params[ENDPOINT].meta.get(AUTHORITY, of_all)


def _rewrite_host(params: Params, rest: Make) -> AnyService:
    authority = _authority(params)
    return bind(RewriteHost(authority.encode("latin-1")), rest(params), "rewrite_host") if authority else rest(params)


REWRITE_HOST = Module(
    "rewrite_host",
    _rewrite_host,
    below=("balancer",),
    why="endpoints of one name may know themselves by different hosts",
    section="endpoint",
)
