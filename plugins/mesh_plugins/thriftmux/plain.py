"""To endpoints that speak plain Thrift: a call of Mux becomes one of Thrift, and its reply an answer of Mux.

What travels beside the call goes along as TTwitter's headers where an endpoint takes them.
"""

from mesh import SESSION, AnyService, Fields, Make, Module, Param, Params, UpstreamProtocolError, bind
from mesh_plugins.finagle.contexts import CLIENT_ID
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.protocol import SESSION_LIMITS
from mesh_plugins.mux.protocol import SESSIONS as MUX_SESSIONS
from mesh_plugins.mux.wire import OK
from mesh_plugins.thrift.conversion import check_struct, converted
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import Message, ThriftReply, ThriftRequest, read_request
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.sessions import new_session
from mesh_plugins.thrift.ttwitter import CAN_TRACE
from mesh_plugins.thrift.walking import Bounds
from mesh_plugins.thrift.wire import CALLS, Incomplete, Malformed

PLAIN_PEER: Param[Peer | None] = Param(None, "what endpoints of plain Thrift speak")
"""None where endpoints speak ThriftMux."""


class Plain:
    """Makes the calls of Mux to one endpoint in Thrift. Raises `Malformed` for a payload that is no Thrift message.

    What an endpoint answers is answered with the status `OK`, an exception too, in the encoding of the call; a one-way call
    with an empty payload. 6 µs.
    """

    __slots__ = ("_bounds",)

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds

    async def __call__(self, request: MuxRequest, service: AnyService, /) -> MuxReply:
        try:
            call = read_request(request.body.buffered or b"", request.context, header_of(request))
        except Incomplete as error:
            raise Malformed("the payload of a call is no whole Thrift message") from error
        await self._check(call)
        reply: ThriftReply = await service(call)
        try:
            payload = b"" if call.is_one_way else await converted(reply, call.encoding, call.head.seqid, self._bounds)
        except Malformed as error:
            raise UpstreamProtocolError(f"the reply cannot be passed on: {error}", reply_begun=True) from error
        finally:
            await reply.aclose()
        answer = MuxReply(OK, payload, list(reply.contexts))
        request.context.made(answer)
        return answer

    async def _check(self, call: ThriftRequest) -> None:
        """Raise `Malformed` unless it is a call from end to end: the calls of others come after it over its connection."""
        head = call.head
        if head.kind not in CALLS:
            raise Malformed(f"the payload of a call is a message of the kind {head.kind}")
        if head.name == CAN_TRACE:
            raise Malformed("whether TTwitter is spoken is not asked in Mux")
        if isinstance(call.body, Message):
            await check_struct(call, call.body, self._bounds)


def header_of(request: MuxRequest) -> RequestHeader:
    """Return what came beside a call as TTwitter has it."""
    contexts: Fields = []
    client_id = b""
    for name, value in request.contexts:
        if name == CLIENT_ID:
            client_id = value
        contexts.append((name, value))
    dtab = () if request.dtab is None else request.dtab
    delegations = [(dentry.prefix.show().encode(), dentry.dst.show().encode()) for dentry in dtab]
    return RequestHeader(None, client_id, contexts, b"", delegations)


def _sessions(params: Params, rest: Make) -> AnyService:
    peer = params[PLAIN_PEER]
    if peer is None:
        return MUX_SESSIONS.wrap(params, rest)
    limits = params[SESSION_LIMITS]
    return bind(Plain(Bounds.of(limits)), rest(params.put(SESSION, new_session(peer, limits))), "plain_thrift")


SESSIONS = Module(
    "mux_sessions",
    _sessions,
    above=("pool",),
    below=("balancer",),
    why="each endpoint is spoken to as its client says: in ThriftMux, or in plain Thrift",
    section="endpoint",
)
