"""What the payload of a call says of it: its method names it, and an exception in the answer makes it a failure.

Source: linkerd router/thrift, Identifier.scala; finagle-thriftmux, ThriftMux.scala.
"""

from typing import Any

from mesh import MeshError, Outcome, Path, Reply, Request, Unidentified
from mesh_plugins.mux import errors as mux
from mesh_plugins.mux.errors import classify as by_status
from mesh_plugins.mux.message import MuxReply
from mesh_plugins.mux.wire import OK
from mesh_plugins.router import Identifier
from mesh_plugins.thrift import exceptions
from mesh_plugins.thrift.identifiers import segments
from mesh_plugins.thrift.message import encoding_of, read_reply
from mesh_plugins.thrift.wire import EXCEPTION, Head, Incomplete, Malformed

MEMO = 4096  # names remembered; forgotten together when there are more
LONGEST = 256  # a method with a longer name is one like any other, but not remembered


def head_of(payload: bytes) -> Head:
    """Return the head of the Thrift message in a payload, whatever its encoding. Raises `Malformed`."""
    if not payload:
        raise Malformed("a payload without a Thrift message")
    try:
        return encoding_of(payload).read_head(payload, 0)
    except Incomplete as error:
        raise Malformed("the Thrift message in a payload ends within its head") from error


def by_method(prefix: Path, *, method_in_dst: bool) -> Identifier:
    """Return the identifier of ThriftMux: the prefix, the destination, a multiplexed service, and the method if it is to be.

    It raises `Unidentified` for a payload that is no Thrift message.
    """
    names: dict[tuple[Path, bytes], Path] = {}

    def name(request: Any) -> Path:  # a router of ThriftMux gets calls of Mux alone
        try:
            request.method = method = head_of(request.body.buffered or b"").name
        except Malformed as error:
            raise Unidentified(str(error)) from error
        key = (request.destination, method)
        found = names.get(key)
        if found is None:
            found = prefix + request.destination + Path(segments(method, method_in_dst))
            if len(method) <= LONGEST:
                if len(names) >= MEMO:
                    names.clear()
                names[key] = found
        return found

    return name


def classify(request: Request, result: Reply | MeshError) -> Outcome:
    """Call an answer what its status says, and a `TApplicationException` a failure; the default of ThriftMux. 1 µs."""
    outcome = by_status(request, result)
    if outcome is not Outcome.SUCCESS or not isinstance(result, MuxReply) or result.status != OK:
        return outcome
    payload = result.body.buffered
    if not payload:
        return outcome  # to a one-way call
    try:
        return Outcome.FAILURE if head_of(payload).kind == EXCEPTION else outcome
    except Malformed:
        return Outcome.FAILURE


def failure_name(reply: Reply) -> str | None:
    """Return what an answer is called if it is a failure: as in Mux, or as in Thrift, by its payload."""
    name = mux.failure_name(reply)
    payload = reply.body.buffered
    if name is not None or not payload:
        return name
    try:
        return exceptions.failure_name(read_reply(payload))
    except (Incomplete, Malformed):
        return Malformed.__name__
