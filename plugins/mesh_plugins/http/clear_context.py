"""Keeps the mesh's own fields between the mesh and clients that are not part of it.

Source: linkerd protocol/http, LinkerdHeaders.scala (`clearServerModule`, `ClearMiscServerFilter`).
"""

import random

from mesh import EMPTY, AnyService, Fields, HttpReply, HttpRequest, Make, Module, Param, Params, TraceId, bind, without
from mesh_plugins.grpc.status import GRPC_MESSAGE
from mesh_plugins.http.context import PROFILE

PREFIX = b"l5d-"
REQUEST_ID = b"x-request-id"

CLEARS_CONTEXT = Param(False, "clear context")
"""Whether a server takes every `l5d-*` field off requests and replies; on edge servers it does in any case."""


class ClearContext:
    """Takes every `l5d-*` field off the request and the reply, and the text off a reply that tells of an error in the mesh.

    Such a reply gets the id of its trace as `x-request-id` instead, so that there is something to ask the operator with.
    """

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        request.headers = public(request.headers)
        reply: HttpReply = await service(request)
        kept = public(reply.headers)
        if len(kept) < len(reply.headers):
            if any(name == b"l5d-err" for name, _value in reply.headers):
                reply.body = EMPTY
                reply.declared_size = None
                kept = without(kept, GRPC_MESSAGE)
                kept.append((REQUEST_ID, _trace_of(request).trace_hex.encode()))
            reply.headers = kept
        return reply


def _trace_of(request: HttpRequest) -> TraceId:
    """Return the trace of a request; one that failed before its first attempt gets one now."""
    trace = request.context.trace
    if trace is None:
        trace = request.context.trace = TraceId.of(random.getrandbits(64))
    return trace


def public(fields: Fields) -> Fields:
    """Return the fields that are not the mesh's own."""
    return [item for item in fields if not item[0].startswith(PREFIX)]


def clears_context(params: Params) -> bool:
    """Return whether the server is one that clears the context."""
    return params[CLEARS_CONTEXT] or params[PROFILE] == "edge"


def _clear_context(params: Params, rest: Make) -> AnyService:
    return bind(ClearContext(), rest(params), "clear_context") if clears_context(params) else rest(params)


CLEAR_CONTEXT = Module(
    "clear_context",
    _clear_context,
    above=("server_stats", "errors"),
    why="replies that errors become are cleared too, and statistics still see what their fields say",
    section="server",
)
