"""The filter that puts every request of a router into its access log, once its reply has ended."""

import os
from collections.abc import Callable
from pathlib import Path as FilePath
from typing import Any

import attrs
import trio

from mesh import (
    LIFE,
    METRICS,
    REOPENING,
    AnyService,
    ConfigError,
    Make,
    Module,
    Param,
    Params,
    Problem,
    bind,
)
from mesh_plugins.access_log.exchange import Clock, Exchange
from mesh_plugins.access_log.formats import read_format
from mesh_plugins.access_log.logfile import STANDARD, LogFile
from mesh_plugins.access_log.rolling import RollPolicy
from mesh_plugins.access_log.writer import Writer

WRITER: Param[Writer | None] = Param(None, "access log")
"""The writer of the router's access log, None if it has none; all its servers share it."""
NewExchange = Callable[[Any, Callable[[Exchange], None], Clock], Exchange]
"""Makes the exchange of a request of the router's protocol; see `Exchange`."""
EXCHANGE: Param[NewExchange] = Param(Exchange, "exchange")
"""What is kept of a request and its reply; the protocol knows."""


@attrs.frozen
class LogOptions:
    """How a log is written: see `AccessLogKeys`. `key` is what names the file."""

    format: str
    policy: RollPolicy
    append: bool
    keep: int
    max_queued: int
    key: str


class AccessLog:
    """Hands every exchange to a writer when it has ended, however it did. Costs 1.5 µs a request, and the line."""

    __slots__ = ("_clock", "_new", "_put")

    def __init__(self, writer: Writer, clock: Clock = trio.current_time, new_exchange: NewExchange = Exchange) -> None:
        self._put = writer.put
        self._clock = clock
        self._new = new_exchange

    async def __call__(self, request: Any, service: AnyService, /) -> Any:
        exchange = self._new(request, self._put, self._clock)
        try:
            reply = await service(request)
        except BaseException:
            exchange.end()
            raise
        exchange.begin_reply(request, reply)
        return reply


def open_log(params: Params, path: str, options: LogOptions) -> Writer:
    """Return the writer of a router's log, which ends with the router's life; the file is opened at the first request.

    Raises `ConfigError` for a path that cannot be written.
    """
    if path not in STANDARD:
        _check(path, options.key)
    file = LogFile(path, options.policy, append=options.append, keep=options.keep)
    writer = Writer(file, read_format(options.format), options.max_queued)
    scope = params[METRICS].scope("access_log")
    scope.counter("lines", fn=lambda: writer.lines)
    scope.counter("dropped", fn=lambda: writer.dropped)
    params[LIFE].on_close(writer.close)
    params[LIFE].on_close(params[REOPENING].add(writer.reopen))
    return writer


def _check(path: str, key: str) -> None:
    target = path if os.path.exists(path) else str(FilePath(path).parent)
    if os.path.isdir(path):
        raise ConfigError(Problem(f"{path} is a directory", key=key))
    if not os.access(target, os.W_OK):
        why = "cannot be written" if os.path.exists(target) else "does not exist"
        raise ConfigError(Problem(f"{target} {why}", key=key))


def access_log(params: Params, rest: Make) -> AnyService:
    """Wrap the rest of a server stack; nothing is added to a router without an access log."""
    writer = params[WRITER]
    if writer is None:
        return rest(params)
    clock = trio.lowlevel.current_clock().current_time
    return bind(AccessLog(writer, clock, params[EXCHANGE]), rest(params), "access_log")


ACCESS_LOG = Module(
    "access_log",
    access_log,
    above=("server_stats", "errors"),
    why="writes the replies that errors become, and how long they took",
    section="server",
    records=True,
)
