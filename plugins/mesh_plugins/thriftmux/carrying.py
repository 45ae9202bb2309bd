"""From clients that speak plain Thrift: a call of theirs becomes one of Mux, and the answer to it a reply.

What came beside the call in TTwitter's headers goes along as Mux has it.
Source: finagle-thriftmux, pushsession/VanillaThriftSession.scala.
"""

from mesh import AnyService, BadRequestContext, Buffered, RemoteProtocolError, Switch
from mesh_plugins.finagle.contexts import CLIENT_ID, TRACE
from mesh_plugins.mux.calls import DESTINATIONS
from mesh_plugins.mux.message import MuxReply, MuxRequest
from mesh_plugins.mux.wire import NACK, OK
from mesh_plugins.thrift.delegations import Delegations
from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.header import RequestHeader
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest, nothing, read_reply
from mesh_plugins.thrift.walking import Bounds, check
from mesh_plugins.thrift.wire import Incomplete, Malformed

REFUSED = "it was refused, and may be sent again"


class Carrying:
    """Stands between one client of plain Thrift and a service of Mux. 6 µs a call.

    What Thrift cannot say, a failure or a refusal of Mux, becomes a `TApplicationException`.
    """

    __slots__ = ("_bounds", "_delegations", "_is_framed", "_switch")

    def __init__(self, switch: Switch, delegations: Delegations, bounds: Bounds, *, is_framed: bool = True) -> None:
        self._switch = switch
        self._delegations = delegations
        self._bounds = bounds
        self._is_framed = is_framed

    async def __call__(self, request: ThriftRequest, service: AnyService, /) -> ThriftReply:
        try:
            call = self._call(request)
        except BadRequestContext as error:
            self._switch.refused(RemoteProtocolError(str(error)))
            return _failed(request, ExceptionType.PROTOCOL_ERROR, str(error))
        answer: MuxReply = await service(call)
        try:
            return await self._reply(request, answer)
        finally:
            await answer.aclose()

    def _call(self, request: ThriftRequest) -> MuxRequest:
        header, payload = request.header, Buffered(request.body.buffered or b"")
        if header is None:
            return MuxRequest(DESTINATIONS[b""], payload, context=request.context)
        dtab = self._delegations.read(header.delegations) if header.delegations else None
        return MuxRequest(DESTINATIONS[header.dest], payload, contexts_of(header), dtab, request.context)

    async def _reply(self, request: ThriftRequest, answer: MuxReply) -> ThriftReply:
        if request.is_one_way:
            return nothing(request)
        try:
            payload = await self._payload(answer)
            if answer.status != OK:
                text = payload.decode("utf-8", "replace")
                if answer.status == NACK:
                    text = f"{REFUSED}: {text}" if text else REFUSED
                return _failed(request, ExceptionType.INTERNAL_ERROR, text)
            reply = read_reply(payload, answer.contexts)
            if not self._is_framed:  # its client finds its end by its values
                await check(reply.encoding, payload, reply.head.at, self._bounds)
        except (Incomplete, Malformed) as error:
            return _failed(request, ExceptionType.INTERNAL_ERROR, f"the answer is no Thrift: {error}")
        reply.outcome = answer.outcome
        return reply

    async def _payload(self, answer: MuxReply) -> bytes:
        content = answer.body.buffered
        if content is not None:
            return content
        pieces: list[bytes] = []
        left = self._bounds.max_bytes
        while piece := await answer.body.receive():
            left -= len(piece)
            if left < 0:
                raise Malformed(f"it is longer than {self._bounds.max_bytes} bytes")
            pieces.append(piece)
        return b"".join(pieces)


def contexts_of(header: RequestHeader) -> list[tuple[bytes, bytes]]:
    """Return what Mux has for what came beside a call, but for its destination and its delegations."""
    contexts = list(header.contexts)
    if header.trace is not None and header.context(TRACE) is None:
        contexts.append((TRACE, header.trace.packed))
    if header.client_id and header.context(CLIENT_ID) is None:
        contexts.append((CLIENT_ID, header.client_id))
    return contexts


def _failed(request: ThriftRequest, kind: ExceptionType, text: str) -> ThriftReply:
    if request.is_one_way:
        return nothing(request)
    name = request.head.name.decode("utf-8", "replace")
    return exception(request.encoding, request.head, kind, f"Internal error processing {name}: '{text}'")
