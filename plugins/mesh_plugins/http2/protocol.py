"""What HTTP/2 brings to a router: what serves its connections, and what makes its sessions."""

import importlib
from collections.abc import Awaitable, Callable
from types import ModuleType

from mesh import Connection, Life, NewSession, Session, Switch
from mesh_plugins.http2.server import NewServerEngine, ServerConnection
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.http2.session import Http2Calling, Http2Session, NewClientEngine
from mesh_plugins.http2.upgrade import Upgrade
from mesh_plugins.http2.wire import FastClient, FastServer

ServeHttp2 = Callable[[Connection, Switch, bytes, Upgrade | None], Awaitable[None]]
"""Serves a client's connection, of which something was read already; after an upgrade, if there was one."""


def serve(serving: Http2Serving, *, reference: bool = False) -> ServeHttp2:
    """Return what serves the connections of one listener."""

    new_engine: NewServerEngine = load_engines(reference=reference)[0]

    async def run(connection: Connection, switch: Switch, first: bytes, upgrade: Upgrade | None = None) -> None:
        await ServerConnection(connection, new_engine, switch, serving).run(first, upgrade)

    return run


def new_session(calling: Http2Calling, *, reference: bool = False) -> NewSession:
    """Return what makes sessions with endpoints."""

    new_engine: NewClientEngine = load_engines(reference=reference)[1]

    def make(connection: Connection, life: Life) -> Session:
        return Http2Session(connection, new_engine, calling, life)

    return make


def load_engines(*, reference: bool) -> tuple[NewServerEngine, NewClientEngine]:
    """Return the engines of both sides. The reference is imported when it is asked for, and with it the library h2."""
    if not reference:
        return FastServer, FastClient
    module: ModuleType = importlib.import_module("mesh_plugins.http2.reference")
    return module.ReferenceServer, module.ReferenceClient
