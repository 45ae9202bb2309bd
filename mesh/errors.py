"""Everything that can go wrong, by who is at fault.

An error says whether the request may safely be sent again (`retryable`), why it failed in one of Envoy's response flags
(`flag`: `NR`, `UF`, `UH`, `UO`, `UT`, `UC`, `UR`, `DC`, `DPE`, `UPE`, `RL`) and in one word (`detail`). A codec turns it into
what its protocol can say.
"""

from typing import ClassVar

import attrs


class MeshError(Exception):
    """The root of every error that `mesh` and its plugins raise on purpose."""

    retryable: bool = False
    flag: ClassVar[str] = "-"
    detail: ClassVar[str] = "error"


@attrs.frozen
class Problem:
    """One thing that is wrong with a stack file, and what to do about it.

    `line` and `column` start at 1; 0 means that the problem has no place in the file. `key` is a dotted path such as
    `routers[0].servers[0].port`. `nearest` is the valid name closest to what was written.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    key: str = ""
    expected: str = ""
    nearest: str = ""

    def show(self) -> str:
        """Return the problem in one line, as `linker check` prints it."""
        place = f"{self.file}, line {self.line}, column {self.column}: " if self.line else f"{self.file}: "
        key = f"{self.key}: " if self.key else ""
        expected = f"; expected {self.expected}" if self.expected else ""
        nearest = f"; did you mean {self.nearest}?" if self.nearest else ""
        return f"{place if self.file else ''}{key}{self.message}{expected}{nearest}"


class ConfigError(MeshError):
    """A configuration is wrong; `problems` holds all that was found, not only the first."""

    detail = "config"

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(problem.show() for problem in problems))
        self.problems = problems


class NameSyntaxError(MeshError):
    """A path, name tree or dtab does not parse.

    The message is Finagle's (`'/' expected but 'x' found at '[x]'`); `text` is what was read, `position` the offset of
    the offending character in it, `line` and `column` the same counted from 1.
    """

    detail = "name_syntax"

    def __init__(self, message: str, *, text: str, position: int) -> None:
        super().__init__(message)
        self.text = text
        self.position = position
        self.line = text.count("\n", 0, position) + 1
        self.column = position - (text.rfind("\n", 0, position) + 1) + 1


class LocalProtocolError(MeshError):
    """Our own side was about to break the protocol: a plugin built a message that must not be sent."""

    detail = "local_protocol"


class RemoteProtocolError(MeshError):
    """The peer broke the protocol; `status` is the HTTP status that says so best."""

    flag = "DPE"
    detail = "protocol"

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class NoRoute(MeshError):
    """The request does not lead anywhere."""

    flag = "NR"
    detail = "no_route"


class Unidentified(NoRoute):
    """No identifier could name the request."""

    detail = "unidentified"


class BadRequestContext(NoRoute):
    """The request carries routing instructions (such as a dtab override) that cannot be read or are not allowed."""

    detail = "bad_context"


class Unroutable(NoRoute):
    """The request has a name, but the name binds to nothing."""

    detail = "unroutable"


class Unavailable(MeshError):
    """Nothing could take the request now; nothing was sent."""

    retryable = True
    flag = "UH"
    detail = "unavailable"


class Overloaded(Unavailable):
    """A limit of ours is reached: concurrent requests, waiters of a pool."""

    flag = "UO"
    detail = "overload"


class RateLimited(Overloaded):
    """Requests come more often than a limit of ours lets pass; trying again at once does not help.

    `limit` is how many pass at once, `retry_seconds` when the next may, `reset_seconds` when so many may again.
    """

    retryable = False
    flag = "RL"
    detail = "rate_limit"

    def __init__(self, message: str, *, limit: int, retry_seconds: float, reset_seconds: float) -> None:
        super().__init__(message)
        self.limit = limit
        self.retry_seconds = retry_seconds
        self.reset_seconds = reset_seconds


class Nacked(Unavailable):
    """The peer refused the request before doing any work."""

    flag = "UO"
    detail = "nack"


class ConnectFailed(Unavailable):
    """A connection to an endpoint could not be opened; nothing was sent."""

    flag = "UF"
    detail = "connect"


class FailedFast(ConnectFailed):
    """Connecting was not even tried, as the endpoint is known to be down; nothing was sent."""

    detail = "failed_fast"


class UpstreamBroken(MeshError):
    """The connection to the endpoint ended, or the endpoint broke the protocol, before the reply was complete.

    `retryable` is true if the endpoint certainly did not begin to work on the request. `reply_begun`: at
    least a byte of the reply had come.
    """

    flag = "UC"
    detail = "upstream_broken"

    def __init__(self, message: str, *, retryable: bool = False, reply_begun: bool = False) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.reply_begun = reply_begun


class UpstreamProtocolError(UpstreamBroken):
    """The endpoint answered with something that is not a legal reply."""

    flag = "UPE"
    detail = "upstream_protocol"


class StreamReset(UpstreamBroken):
    """The endpoint reset the stream of a request, of HTTP/2 or the like; `code` is the protocol's reason, as a number."""

    flag = "UR"
    detail = "stream_reset"

    def __init__(self, message: str, *, code: int, retryable: bool = False, reply_begun: bool = False) -> None:
        super().__init__(message, retryable=retryable, reply_begun=reply_begun)
        self.code = code


class TimedOut(MeshError):
    """Something took longer than it may."""

    flag = "UT"
    detail = "timeout"


class AttemptTimeout(TimedOut):
    """One attempt took longer than its limit."""

    detail = "attempt_timeout"


class TotalTimeout(TimedOut):
    """The request, all attempts included, took longer than its limit."""

    detail = "total_timeout"


class DeadlineExceeded(TimedOut):
    """The deadline that the request brought has passed: whoever asked does not wait any more."""

    detail = "deadline"


class BindingTimeout(TimedOut):
    """A name could not be bound in time."""

    detail = "binding_timeout"


class IdleTimeout(TimedOut):
    """A stream made no progress for longer than it may."""

    detail = "idle_timeout"


class ServerTimeout(TimedOut):
    """The server's own limit for a request was reached."""

    detail = "server_timeout"


class ClientGone(MeshError):
    """The client went away before its reply was complete."""

    flag = "DC"
    detail = "client_gone"


class PluginError(MeshError):
    """A plugin could not be loaded, or raised what it should not have."""

    detail = "plugin"
