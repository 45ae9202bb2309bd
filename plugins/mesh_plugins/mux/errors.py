"""Turns errors into answers of Mux: a refusal if the call may be sent again, else a failure with a text.

A refusal has the flags `MuxFailure` 3, and no text that is sent; one that must not be repeated is a failure with the flags 6.
Source: finagle-mux, Processor.scala; linkerd protocol/mux.
"""

import logging

from mesh import (
    AnyService,
    ClientGone,
    Counter,
    Make,
    MeshError,
    Module,
    Outcome,
    Params,
    Reply,
    Request,
    bind,
    blame,
    classify_errors,
)
from mesh_plugins.filters.failures import FAILURE_NAME, FailuresByError
from mesh_plugins.mux import failure
from mesh_plugins.mux.message import MuxReply, failed
from mesh_plugins.mux.wire import NACK, OK
from mesh_plugins.scopes import server_scope

logger = logging.getLogger(__name__)

MOST_TEXT_BYTES = 8192


class Errors:
    """Answers what went wrong below; counts it by name, failures of endpoints too, and refusals. Only cancellation passes."""

    __slots__ = ("_failures", "_nacks")

    def __init__(self, failures: FailuresByError, nacks: Counter) -> None:
        self._failures = failures
        self._nacks = nacks

    async def __call__(self, request: Request, service: AnyService, /) -> MuxReply:
        try:
            reply: MuxReply = await service(request)
            if reply.outcome is False:
                self._failures.count_reply(reply)
        except MeshError as error:
            request.context.flags = f"{error.flag} {error.detail}"
            reply = answer(error)
            self._nacks.value += reply.status == NACK
            if not isinstance(error, ClientGone):
                self._failures.count(error)
        except Exception as error:
            culprit = blame(error) or "a filter"
            logger.exception("%s raised", culprit)
            self._failures.count(error)
            reply = failed(f"{culprit} raised {type(error).__name__}: {error}"[:MOST_TEXT_BYTES])
        return reply


def answer(error: MeshError) -> MuxReply:
    """Return what a client is told of an error."""
    flags = failure.flags_of(error)
    reply = failed((str(error) or type(error).__name__)[:MOST_TEXT_BYTES], failure.context(flags))
    if flags & failure.RETRYABLE:
        reply.status = NACK
    return reply


def classify(_request: Request, result: Reply | MeshError) -> Outcome:
    """Call an answer what its status says; the default classifier of Mux."""
    if isinstance(result, MeshError):
        return classify_errors(_request, result)
    if isinstance(result, MuxReply) and result.status != OK:
        return Outcome.RETRYABLE if is_nack(result) else Outcome.FAILURE
    return Outcome.SUCCESS


def failure_name(reply: Reply) -> str | None:
    """Return what an answer is called if it is a failure, as by Finagle's clients."""
    if not isinstance(reply, MuxReply) or reply.status == OK:
        return None
    return "RequestNackedException" if reply.status == NACK else "ServerApplicationError"


def is_nack(reply: Reply) -> bool:
    """Return whether an answer says that no work was done for its call, which may be sent again.

    A refusal says so unless its flags do not; a failure does if its flags do.
    """
    if not isinstance(reply, MuxReply) or reply.status == OK:
        return False
    flags = failure.flags_in(reply.contexts, failure.RETRYABLE if reply.status == NACK else 0)
    return bool(flags & failure.RETRYABLE) and not flags & failure.NON_RETRYABLE


def _errors(params: Params, rest: Make) -> AnyService:
    scope = server_scope(params)
    return bind(Errors(FailuresByError(scope, params[FAILURE_NAME]), scope.counter("nacks")), rest(params), "errors")


ERRORS = Module(
    "errors", _errors, above=("router",), why="every error of the stack becomes an answer here", section="server"
)
"""The role of the filter that does the same for HTTP."""
