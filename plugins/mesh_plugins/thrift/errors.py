"""Turns errors into Thrift's exceptions; a one-way call gets none.

The texts are linkerd's: `Internal error processing <method>: '<error>'`. A nack cannot be said in Thrift.
Source: finagle-thrift, service/ThriftServiceIface.scala; linkerd protocol/thrift.
"""

import logging

from mesh import (
    AnyService,
    ClientGone,
    Make,
    MeshError,
    Module,
    Params,
    RemoteProtocolError,
    Unidentified,
    bind,
    blame,
)
from mesh_plugins.filters.failures import FAILURE_NAME, FailuresByError
from mesh_plugins.scopes import server_scope
from mesh_plugins.thrift.exceptions import ExceptionType, exception
from mesh_plugins.thrift.message import ThriftReply, ThriftRequest, nothing

logger = logging.getLogger(__name__)


def type_of(error: MeshError) -> ExceptionType:
    """Return the type of exception that says best what happened."""
    match error:
        case Unidentified():
            return ExceptionType.UNKNOWN_METHOD
        case RemoteProtocolError():
            return ExceptionType.PROTOCOL_ERROR
        case _:
            return ExceptionType.INTERNAL_ERROR


class Errors:
    """Answers what went wrong below, and counts it by its name, as failures of endpoints; only cancellation passes through."""

    __slots__ = ("_failures",)

    def __init__(self, failures: FailuresByError) -> None:
        self._failures = failures

    async def __call__(self, request: ThriftRequest, service: AnyService, /) -> ThriftReply:
        try:
            reply: ThriftReply = await service(request)
            if reply.outcome is False:
                self._failures.count_reply(reply)
            return reply
        except MeshError as error:
            request.context.flags = f"{error.flag} {error.detail}"
            is_ours = _is_ours(error)
            if is_ours:
                self._failures.count(error)
            return _answer(request, type_of(error), f"{type(error).__name__}: {error}", is_ours=is_ours)
        except Exception as error:
            culprit = blame(error) or "a filter"
            logger.exception("%s raised", culprit)
            self._failures.count(error)
            return _answer(request, ExceptionType.INTERNAL_ERROR, f"{culprit} raised {type(error).__name__}: {error}")


def _is_ours(error: MeshError) -> bool:
    return not isinstance(error, ClientGone | RemoteProtocolError | Unidentified)


def _answer(request: ThriftRequest, kind: ExceptionType, text: str, *, is_ours: bool = True) -> ThriftReply:
    if request.is_one_way:
        reply = nothing(request)
    else:
        name = request.head.name.decode("utf-8", "replace")
        reply = exception(request.encoding, request.head, kind, f"Internal error processing {name}: '{text}'")
    reply.outcome = not is_ours
    return reply


def _errors(params: Params, rest: Make) -> AnyService:
    scope = server_scope(params)
    return bind(Errors(FailuresByError(scope, params[FAILURE_NAME])), rest(params), "errors")


ERRORS = Module(
    "errors",
    _errors,
    above=("router",),
    why="every error of the stack becomes an exception that the client can read",
    section="server",
)
