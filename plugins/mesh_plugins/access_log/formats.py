"""The formats of the access log: linkerd's, those of other servers, JSON, and one's own in Envoy's language."""

import difflib
import json
import re
import time
from collections.abc import Callable, Iterator
from typing import Self

from mesh_plugins.access_log.escaping import quoted, word
from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.operators import OPERATORS, Piece, header, host_of, local_second, protocol, request_line

_OPERATOR = re.compile(r"%(?:%|([A-Z_]+)(?:\(([^)]*)\))?(?::([0-9]+))?%)")


def linkerd(exchange: Exchange) -> str:
    """Return linkerd's line. Source: linkerd, protocol/http, AccessLogger.scala."""
    arrived = exchange.arrived + exchange.seconds  # linkerd says when the reply came
    zone = time.strftime("%Z", time.localtime(arrived))
    size = "-" if exchange.declared is None else exchange.declared
    return (
        f"{word(header(exchange.headers, b'host') or b'')} {host_of(exchange)} - - "
        f'[{local_second(int(arrived))} {zone}] "{request_line(exchange)}" {exchange.status} {size} '
        f'"{_or_dash(exchange, b"referer")}" "{_or_dash(exchange, b"user-agent")}"'
    )


def apache(exchange: Exchange) -> str:
    """Return a line in the Common Log Format. Source: httpd.apache.org, mod_log_config, `%h %l %u %t "%r" %>s %b`."""
    when = time.localtime(exchange.arrived)
    shown = time.strftime("%d/%b/%Y:%H:%M:%S %z", when)
    return f'{host_of(exchange)} - - [{shown}] "{request_line(exchange)}" {exchange.status} {exchange.sent or "-"}'


def combined(exchange: Exchange) -> str:
    """Return the same, with referrer and user agent."""
    return f'{apache(exchange)} "{_or_dash(exchange, b"referer")}" "{_or_dash(exchange, b"user-agent")}"'


def as_json(exchange: Exchange) -> str:
    """Return an object of one line; what is not there is null. Times are in ms, the arrival is in UTC."""
    flags, _space, detail = exchange.flags.partition(" ")
    endpoint, bound, path, trace = exchange.endpoint, exchange.bound, exchange.path, exchange.trace
    return json.dumps(
        {
            "time": _iso(exchange),
            "duration_ms": round(exchange.seconds * 1e3, 3),
            "head_ms": round(exchange.to_head * 1e3, 3),
            "peer": exchange.peer or None,
            "method": _text(exchange.method),
            "target": _text(exchange.target),
            "protocol": protocol(exchange),
            "host": _text(header(exchange.headers, b"host")),
            "status": exchange.status,
            "flags": flags or None,
            "detail": detail or None,
            "bytes_received": exchange.received,
            "bytes_sent": exchange.sent,
            "service": None if path is None else path.show(),
            "client": None if bound is None else bound.id.show(),
            "endpoint": None if endpoint is None else str(endpoint),
            "attempts": exchange.attempts if endpoint is not None else 0,
            "trace_id": None if trace is None else trace.trace_hex,
            "referer": _text(header(exchange.headers, b"referer")),
            "user_agent": _text(header(exchange.headers, b"user-agent")),
        },
        separators=(",", ":"),
    )


FORMATS: dict[str, Callable[[Exchange], str]] = {
    "linkerd": linkerd,
    "common": apache,
    "combined": combined,
    "json": as_json,
}
"""The formats that have a name."""


class LogFormat(str):
    """How a line looks: the name of a format, or one's own, written with operators."""

    __slots__ = ()

    @classmethod
    def read(cls, text: str) -> Self:
        """Raise `ValueError` for what no line can be made by."""
        read_format(text)
        return cls(text)


def read_format(text: str) -> Callable[[Exchange], str]:
    """Return what makes a line: a format by its name, or one of operators between `%`. Raises `ValueError`."""
    known = FORMATS.get(text)
    if known is not None:
        return known
    if "%" not in text:
        raise ValueError(
            f"there is no format {text}; expected one of {', '.join(FORMATS)}, or operators such as %DURATION%"
        )
    pieces = list(_pieces(text))
    literals = "".join("%s" if not isinstance(piece, str) else piece.replace("%", "%%") for piece in pieces)
    operators = [piece for piece in pieces if not isinstance(piece, str)]

    def show(exchange: Exchange) -> str:
        return literals % tuple([operator(exchange) for operator in operators])

    return show


def _pieces(text: str) -> Iterator[str | Piece]:
    place = 0
    while (start := text.find("%", place)) >= 0:
        yield text[place:start]
        found = _OPERATOR.match(text, start)
        if found is None:
            raise ValueError(
                f"no operator begins at `{text[start : start + 30]}`: `%NAME%`, `%NAME(ARGUMENT):LENGTH%` or `%%`"
            )
        yield "%" if found[1] is None else _operator(found[1], found[2] or "", found[3])
        place = found.end()
    yield text[place:].replace("\n", "")


def _operator(name: str, argument: str, length: str | None) -> Piece:
    make = OPERATORS.get(name)
    if make is None:
        nearest = difflib.get_close_matches(name, OPERATORS, 1)
        hint = f"; did you mean %{nearest[0]}%?" if nearest else f"; there are: {', '.join(OPERATORS)}"
        raise ValueError(f"there is no operator %{name}%{hint}")
    try:
        return make(argument, None if length is None else int(length))
    except ValueError as error:
        raise ValueError(f"%{name}% {error}") from None


_iso = OPERATORS["START_TIME"]("", None)


def _or_dash(exchange: Exchange, name: bytes) -> str:
    return quoted(header(exchange.headers, name) or b"-")


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "backslashreplace")
