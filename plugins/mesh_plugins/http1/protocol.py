"""What HTTP/1.1 brings to a router: what serves its connections, and what makes its sessions."""

import importlib
from collections.abc import Awaitable, Callable
from types import ModuleType

from mesh import Connection, Life, Limits, NewSession, Serve, Session, Switch
from mesh_plugins.http1.connect import FastConnectServer
from mesh_plugins.http1.head import ClientEngine, ServerEngine
from mesh_plugins.http1.server import ServerConnection
from mesh_plugins.http1.serving import Serving
from mesh_plugins.http1.session import Http1Session
from mesh_plugins.http1.wire import FastClient, FastServer

ServeAfter = Callable[[Connection, Switch, bytes], Awaitable[None]]
"""Serves a client's connection, of which something was read already."""


def serve(serving: Serving, *, reference: bool = False) -> Serve:
    """Return what serves the connections of one listener."""

    new_engine = _server_engine(serving, reference=reference)

    def run(connection: Connection, switch: Switch) -> Awaitable[None]:
        return ServerConnection(connection, new_engine(serving.limits), switch, serving).run()

    return run


def serve_after(serving: Serving, *, reference: bool = False) -> ServeAfter:
    """Return what serves connections of which something was read already."""

    new_engine = _server_engine(serving, reference=reference)

    def run(connection: Connection, switch: Switch, first: bytes) -> Awaitable[None]:
        engine = new_engine(serving.limits)
        if first:
            engine.feed(first)
        return ServerConnection(connection, engine, switch, serving).run()

    return run


def _server_engine(serving: Serving, *, reference: bool) -> Callable[[Limits], ServerEngine]:
    """Return what makes the engines of the connections of one listener."""
    if not reference:
        return FastConnectServer if serving.tunnels.connect else FastServer
    engines = load_reference()
    found: Callable[[Limits], ServerEngine] = (
        engines.ReferenceConnectServer if serving.tunnels.connect else engines.ReferenceServer
    )
    return found


def load_reference() -> ModuleType:
    """Import the reference engine, and with it h11: 20 ms that no start-up needs whose routers use the fast one."""
    return importlib.import_module("mesh_plugins.http1.reference")


def serve_plainly() -> Serve:
    """Return what serves a service of our own, such as the admin pages, with the default limits."""
    return serve(Serving())


def new_session(limits: Limits, *, reference: bool = False) -> NewSession:
    """Return what makes sessions with endpoints."""

    new_engine: Callable[[Limits], ClientEngine] = load_reference().ReferenceClient if reference else FastClient

    def make(connection: Connection, life: Life) -> Session:
        return Http1Session(connection, new_engine(limits), limits, life)

    return make
