"""Asks endpoints whether they speak TTwitter, before the first call of a connection.

One that speaks plain Thrift answers with an exception. Some others hang up, or say what is no answer: the connection is lost
then, though no call is, and for a while the endpoint is not asked again.
Source: finagle-thrift, ThriftClientPreparer.scala, which knows the exception alone.
"""

from collections.abc import Callable

import trio

from mesh import Connection, UpstreamBroken, UpstreamProtocolError
from mesh_plugins.thrift.conversion import with_frame
from mesh_plugins.thrift.framing import Messages
from mesh_plugins.thrift.incoming import head_of, next_message
from mesh_plugins.thrift.peer import Peer
from mesh_plugins.thrift.ttwitter import CAN_TRACE, asks
from mesh_plugins.thrift.wire import EXCEPTION, REPLY, Malformed

SECONDS = 60.0  # until an endpoint is asked again: it may have been exchanged, and each time costs it a connection
MOST = 1024  # endpoints that are remembered


class Refusals:
    """The endpoints of one client that cannot be asked, by their addresses. State: when each may be asked again."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[str, float] = {}

    def add(self, address: str) -> None:
        """Take note that an endpoint did not take the question well."""
        self._until.pop(address, None)
        if len(self._until) >= MOST:
            del self._until[next(iter(self._until))]
        self._until[address] = trio.current_time() + SECONDS

    def has(self, address: str) -> bool:
        """Return whether an endpoint should not be asked now."""
        return bool(self._until) and self._until.get(address, 0.0) > trio.current_time()


async def ask(
    connection: Connection, messages: Messages, peer: Peer, due: Callable[[], float], refusals: Refusals
) -> bool:
    """Return whether the endpoint speaks TTwitter; `messages` is told if it does, and `due` says how long a wait may last.

    Raises `UpstreamBroken`, which is retryable, for an endpoint that hangs up or says what is no answer.
    """
    try:
        await connection.send_all(with_frame(asks(peer.encoding), is_framed=peer.is_framed))
        head = head_of(peer.encoding, await next_message(connection, messages, due))
        if messages.count():
            raise Malformed("more came than was asked for")
        if head.kind == REPLY and head.name == CAN_TRACE:
            messages.expect_headers()
            return True
        if head.kind != EXCEPTION:
            raise Malformed(f"a message of the kind {head.kind} is no answer")
    except Malformed as error:
        refusals.add(connection.peer)
        raise UpstreamProtocolError(
            f"{connection.peer}, asked whether it speaks TTwitter: {error}", retryable=True
        ) from error
    except trio.BrokenResourceError as error:
        refusals.add(connection.peer)
        raise UpstreamBroken(
            f"{connection.peer} hung up when it was asked whether it speaks TTwitter", retryable=True
        ) from error
    return False
