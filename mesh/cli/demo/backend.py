"""A backend of the demo: one HTTP service on a loopback port, which can be stopped and started again."""

import attrs
import trio

from mesh.codec import Serve, Switch
from mesh.linker.listener import Listener, open_socket
from mesh.service import AnyService
from mesh.settings import SocketOptions
from mesh.settings.connections import LOOPBACK


@attrs.define(eq=False)
class Backend:
    """One backend. `port` is chosen by the system at the first start, and kept. The mutable state is `port` and `_scope`."""

    service: AnyService
    port: int = 0
    _scope: trio.CancelScope | None = None

    @property
    def entry(self) -> str:
        """Its address as the file of a service has it."""
        return f"{LOOPBACK} {self.port}"

    @property
    def is_running(self) -> bool:
        return self._scope is not None

    def start(self, nursery: trio.Nursery, serve: Serve) -> None:
        """Listen, and serve in a task of `nursery`; does nothing if it runs. Raises `ListenError`."""
        if self._scope is not None:
            return
        sock = open_socket(LOOPBACK, self.port, SocketOptions())
        self.port = sock.getsockname()[1]
        self._scope = trio.CancelScope()
        nursery.start_soon(self._run, Listener(sock, serve, Switch(self.service)), self._scope)

    def stop(self) -> None:
        """Stop listening, and break every connection; does nothing if it does not run."""
        if self._scope is not None:
            self._scope.cancel()
            self._scope = None

    async def _run(self, listener: Listener, scope: trio.CancelScope) -> None:
        with scope:
            async with trio.open_nursery() as nursery:
                await listener.run(nursery)
