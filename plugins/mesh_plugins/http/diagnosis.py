"""Diagnosing a route with a `TRACE` request: each linker on the way adds what it did with it to the reply's body.

Source: linkerd protocol/http, DiagnosticTracer.scala; linkerd core, RouterContextFormatter.scala; RFC 9110 section 7.6.2.
"""

from collections.abc import Awaitable, Callable

import attrs
import trio

from mesh import (
    EMPTY_DTAB,
    INTERPRETER,
    ROUTER_LABEL,
    AddrBound,
    AnyService,
    BoundName,
    HttpReply,
    HttpRequest,
    Interpreter,
    Leaf,
    NameTree,
    Params,
    Pending,
    field,
    is_settled,
    steps_to,
    without,
)
from mesh_plugins.binding import BINDING_SECONDS
from mesh_plugins.http.gathered import Gathered
from mesh_plugins.router import IDENTIFIERS, Identifier, identify

MAX_FORWARDS = b"max-forwards"
ADD_CONTEXT = b"l5d-add-context"
SECONDS = 2.0  # for namers that answer only when they are asked; the reply waits no longer for an explanation
MOST_DIGITS = 9
MOST_BYTES = 64 * 1024  # of a reply's body that are kept in front of the explanation
NOTICE = "Diagnostic trace encountered chunked response. Response content discarded."

Diagnose = Callable[[HttpRequest, AnyService], Awaitable[HttpReply]]


@attrs.frozen
class Diagnosis:
    """Answers or forwards a `TRACE` or `OPTIONS` as `max-forwards` says, and explains a `TRACE` that asks for it."""

    label: str
    interpreter: Interpreter
    identifiers: tuple[Identifier, ...]
    binding_seconds: float

    async def __call__(self, request: HttpRequest, service: AnyService, /) -> HttpReply:
        began = trio.current_time()
        text = field(request.headers, MAX_FORWARDS)
        explains = request.method == b"TRACE" and _is_true(field(request.headers, ADD_CONTEXT))
        if text is not None and not (text.isdigit() and len(text) <= MOST_DIGITS):
            return HttpReply(400, [(b"content-type", b"text/plain")], b"Invalid value for Max-Forwards header")
        if text is not None and int(text) == 0:
            reply = HttpReply(200)
            if explains:
                await self._bind(request)
        else:
            if text is not None:
                request.headers = [
                    (name, b"%d" % (int(text) - 1) if name == MAX_FORWARDS else value)
                    for name, value in request.headers
                ]
            reply = await service(request)
        return await self._explained(request, reply, began) if explains else reply

    async def _bind(self, request: HttpRequest) -> None:
        """Find out where a request would go that goes no further. Raises what the router would."""
        context = request.context
        context.path = identify(request, self.identifiers)
        tree = self.interpreter.bind(context.local_dtab or EMPTY_DTAB, context.path)
        unwatch = tree.watch(_nothing)
        try:
            with trio.move_on_after(self.binding_seconds):
                await tree.wait(lambda now: not isinstance(now, Pending))
            context.bound = _first(tree.value)
        finally:
            unwatch()

    async def _explained(self, request: HttpRequest, reply: HttpReply, began: float) -> HttpReply:
        before = await _content(reply)
        seconds = trio.current_time() - began
        text = f"{before.strip()}\n\n{await self._explanation(request, seconds)}"
        explained = HttpReply(reply.status, without(reply.headers, b"content-encoding", b"etag"), text.encode())
        explained.reason, explained.version, explained.outcome = reply.reason, reply.version, reply.outcome
        await reply.aclose()
        return explained

    async def _explanation(self, request: HttpRequest, seconds: float) -> str:
        context = request.context
        bound: BoundName | None = context.bound
        addr = None if bound is None else bound.addr.value
        endpoints = [str(endpoint) for endpoint in addr.endpoints] if isinstance(addr, AddrBound) else []
        lines = [
            f"--- Router: {self.label} ---",
            f"request duration: {seconds * 1e3:.0f} ms",
            f"service name: {'/' if context.path is None else context.path.show()}",
            f"client name: {'/' if bound is None else bound.id.show()}",
            f"addresses: [{', '.join(endpoints)}]",
            f"selected address: {'' if context.endpoint is None else context.endpoint}",
            "dtab resolution:",
            *await self._resolution(request),
        ]
        return "\n".join(lines) + "\n"

    async def _resolution(self, request: HttpRequest) -> list[str]:
        """Return a line for each name on the way to the bound one."""
        context = request.context
        if context.path is None or context.bound is None:
            return []
        way = self.interpreter.delegate(context.local_dtab or EMPTY_DTAB, context.path)
        unwatch = way.watch(_nothing)
        try:
            with trio.move_on_after(SECONDS):
                await way.wait(is_settled)
            steps = steps_to(way.value, context.bound.id)
        finally:
            unwatch()
        return [f"  {step.name}" + (f" ({step.dentry.show()})" if step.dentry else "") for step in steps]


def _nothing() -> None:
    """Watch something that is only to be kept up to date."""


def _first(tree: object) -> BoundName | None:
    """Return the first leaf of what a name is bound to."""
    match tree:
        case Leaf(BoundName() as bound):
            return bound
        case NameTree():
            leaves: list[BoundName] = []
            tree.map(leaves.append)
            return leaves[0] if leaves else None
        case _:
            return None


def _is_true(text: bytes | None) -> bool:
    return text is not None and text.lower() in (b"true", b"1")


async def _content(reply: HttpReply) -> str:
    """Return the text of a reply, or what is to be said in its place."""
    content = None if isinstance(reply.body, Gathered) else reply.body.buffered
    size = None if isinstance(reply.body, Gathered) else reply.body.size
    if content is None and size is not None and size <= MOST_BYTES:
        pieces = []
        while piece := await reply.body.receive():
            pieces.append(piece)
        content = b"".join(pieces)
    if content is None or field(reply.headers, b"content-encoding") is not None:
        shown = "\n".join(f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in reply.headers)
        return f"{shown}\nHTTP {reply.status} - {reply.reason.decode('latin-1')}\n{NOTICE}"
    return content.decode("utf-8", "replace")


def diagnosis(params: Params) -> Diagnosis:
    """Return what explains the requests of a router's server."""
    return Diagnosis(params[ROUTER_LABEL], params[INTERPRETER], params[IDENTIFIERS], params[BINDING_SECONDS])
