"""The operators of Envoy's format language, `%NAME(ARGUMENT):LENGTH%`: each makes a piece of a line of an exchange.

What is not there is `-`. Source: envoyproxy.io, Access logging, Format strings (v1.30).
"""

import re
import socket
import time
from collections.abc import Callable
from functools import lru_cache

from mesh import Fields, Path
from mesh_plugins.access_log.escaping import quoted, word
from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.grpc.status import Code, read_status

Piece = Callable[[Exchange], str]
NewPiece = Callable[[str, int | None], Piece]
"""Makes a piece of the operator's argument, empty if it has none, and the most characters it may have."""

THRIFT_PROXY = "thrift.proxy:"
CLUSTER_KEYS = ("cluster", "cluster_name")
THRIFT_KEYS = (
    "method",
    "request:transport_type",
    "request:protocol_type",
    "request:message_type",
    "response:transport_type",
    "response:protocol_type",
    "response:message_type",
    "response:reply_type",
)
ISO = "%Y-%m-%dT%H:%M:%S.%3fZ"
_MILLISECONDS = re.compile(r"%([1-9]?)f")
_HEADER = re.compile(r"(:?[A-Za-z0-9!#$&'*+.^_`|~-]+)(?:\?(:?[A-Za-z0-9!#$&'*+.^_`|~-]+))?")


def host_of(exchange: Exchange) -> str:
    """Return the client's address without its port."""
    return _host(exchange.context.peer)


@lru_cache(maxsize=1024)
def _host(peer: str) -> str:
    return peer.rpartition(":")[0].strip("[]") or "-"


def protocol(exchange: Exchange) -> str:
    """Return `HTTP/1.1`, or the name of another protocol."""
    version = exchange.version
    if version == (1, 1):  # most are, and this saves half of the time
        return "HTTP/1.1"
    if exchange.protocol:
        return exchange.protocol
    major, minor = version
    return f"HTTP/{major}.{minor}" if major == 1 else f"HTTP/{major}"


def header(fields: Fields, name: bytes) -> bytes | None:
    """Return the value of the first field of this lower-case name."""
    for key, value in fields:
        if key == name:
            return value
    return None


def plainly(value: Callable[[Exchange], object]) -> NewPiece:
    """Return the operator of a value that nobody outside chose, and that takes no argument."""

    def make(argument: str, length: int | None) -> Piece:
        if argument:
            raise ValueError("takes no argument")
        return _shortened(lambda exchange: _shown(value(exchange)), length)

    return make


def start_time(argument: str, length: int | None) -> Piece:
    """Return the operator of the arrival, in UTC: in the format of `strftime`, with `%3f` for ms; by default ISO 8601."""
    form = argument or ISO
    fraction = _MILLISECONDS.search(form)
    digits = int(fraction[1] or 6) if fraction else 0
    before, after = (form[: fraction.start()], form[fraction.end() :]) if fraction else (form, "")

    @lru_cache(maxsize=4)
    def around(second: int) -> tuple[str, str]:
        utc = time.gmtime(second)
        return time.strftime(before, utc), time.strftime(after, utc) if after else ""

    def show(exchange: Exchange) -> str:
        head, tail = around(int(exchange.arrived))
        return f"{head}{f'{exchange.arrived % 1:.9f}'[2 : 2 + digits]}{tail}" if digits else head

    return _shortened(show, length)


def request_header(argument: str, length: int | None) -> Piece:
    """Return the operator of a request's header, or of `:method`, `:path`, `:authority` and `:scheme`; `X?Y` is either."""
    return _first(argument, length, _of_request)


def reply_header(argument: str, length: int | None) -> Piece:
    """Return the operator of a reply's header; `X?Y` is either."""
    return _first(argument, length, lambda name: lambda exchange: header(exchange.reply_headers, name))


def reply_trailer(argument: str, length: int | None) -> Piece:
    """Return the operator of a reply's trailer; `X?Y` is either."""
    return _first(argument, length, lambda name: lambda exchange: header(exchange.reply_trailers, name))


def grpc_status(argument: str, length: int | None) -> Piece:
    """Return the operator of the status of a call of gRPC: `NotFound`, or `NOT_FOUND`, or `5`, by the argument."""
    if argument not in ("", "CAMEL_STRING", "SNAKE_STRING", "NUMBER"):
        raise ValueError("takes CAMEL_STRING, SNAKE_STRING or NUMBER")

    def show(exchange: Exchange) -> str:
        code = read_status(exchange.reply_trailers)
        if code is None:
            code = read_status(exchange.reply_headers)
        if code is None:
            return "-"
        if argument == "NUMBER":
            return str(int(code))
        if argument == "SNAKE_STRING" or code is Code.OK:
            return code.name
        return code.name.title().replace("_", "")

    return _shortened(show, length)


def without_query(argument: str, length: int | None) -> Piece:
    """Return the operator of a request's header, less what follows a `?`."""
    read = _of_request(argument.lower().encode())
    return _shortened(lambda exchange: _value((read(exchange) or b"").partition(b"?")[0]), length)


def dynamic_metadata(argument: str, length: int | None) -> Piece:
    """Return the operator of what Envoy's `thrift_proxy` notes of a call, `thrift.proxy:method` for instance."""
    key = argument.removeprefix(THRIFT_PROXY)
    if key == argument or key not in (*CLUSTER_KEYS, *THRIFT_KEYS):
        known = ", ".join((CLUSTER_KEYS[0], *THRIFT_KEYS))
        raise ValueError(f"needs `{THRIFT_PROXY}` and a key of Thrift's: one of {known}")
    if key in CLUSTER_KEYS:
        return plainly(_client)("", length)
    return _shortened(lambda exchange: _value(exchange.metadata(key)), length)


def _of_request(name: bytes) -> Callable[[Exchange], bytes | None]:
    match name:
        case b":method":
            return lambda exchange: exchange.method
        case b":path":
            return lambda exchange: exchange.target
        case b":scheme":
            return lambda exchange: exchange.scheme
        case b":authority" | b"host":
            return lambda exchange: header(exchange.headers, b"host")
        case _:
            return lambda exchange: header(exchange.headers, name)


def _first(argument: str, length: int | None, read: Callable[[bytes], Callable[[Exchange], bytes | None]]) -> Piece:
    names = _HEADER.fullmatch(argument)
    if names is None:
        raise ValueError("needs the name of a header, such as `USER-AGENT`, or of two, `X?Y`")
    one = read(names[1].lower().encode())
    if names[2] is None:
        return _shortened(lambda exchange: _value(one(exchange)), length)
    other = read(names[2].lower().encode())
    return _shortened(lambda exchange: _value(one(exchange) or other(exchange)), length)


def _value(value: bytes | None) -> str:
    return quoted(value) if value else "-"


def _shortened(piece: Piece, length: int | None) -> Piece:
    return piece if length is None else lambda exchange: piece(exchange)[:length]


def _shown(value: object) -> str:
    match value:
        case None | "":
            return "-"
        case bytes():
            return word(value)
        case Path():
            return value.show()
        case _:
            return str(value)


def attempts(exchange: Exchange) -> int:
    """Return how often a request was sent to an endpoint."""
    context = exchange.context
    return 0 if context.endpoint is None else context.attempt + 1


def _client(exchange: Exchange) -> Path | None:
    bound = exchange.context.bound
    return None if bound is None else bound.id


def _trace(exchange: Exchange) -> str | None:
    trace = exchange.context.trace
    return None if trace is None else trace.trace_hex


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1e3)


_HOSTNAME = socket.gethostname()
OPERATORS: dict[str, NewPiece] = {
    "START_TIME": start_time,
    "DURATION": plainly(lambda exchange: _milliseconds(exchange.seconds)),
    "RESPONSE_DURATION": plainly(lambda exchange: _milliseconds(exchange.to_head)),
    "RESPONSE_TX_DURATION": plainly(lambda exchange: _milliseconds(exchange.seconds - exchange.to_head)),
    "PROTOCOL": plainly(protocol),
    "RESPONSE_CODE": plainly(lambda exchange: exchange.status),
    "RESPONSE_CODE_DETAILS": plainly(lambda exchange: exchange.flags.partition(" ")[2]),
    "RESPONSE_FLAGS": plainly(lambda exchange: exchange.flags.partition(" ")[0]),
    "BYTES_RECEIVED": plainly(lambda exchange: exchange.received),
    "BYTES_SENT": plainly(lambda exchange: exchange.sent),
    "UPSTREAM_HOST": plainly(lambda exchange: exchange.context.endpoint),
    "UPSTREAM_CLUSTER": plainly(_client),
    "UPSTREAM_REQUEST_ATTEMPT_COUNT": plainly(attempts),
    "ROUTE_NAME": plainly(lambda exchange: exchange.context.path),
    "DOWNSTREAM_REMOTE_ADDRESS": plainly(lambda exchange: exchange.context.peer),
    "DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT": plainly(host_of),
    "TRACE_ID": plainly(_trace),
    "HOSTNAME": plainly(lambda _exchange: _HOSTNAME),
    "REQ": request_header,
    "RESP": reply_header,
    "REQ_WITHOUT_QUERY": without_query,
    "TRAILER": reply_trailer,
    "GRPC_STATUS": grpc_status,
    "DYNAMIC_METADATA": dynamic_metadata,
}
"""Every operator by its name."""
