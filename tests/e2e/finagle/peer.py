"""Finagle itself as a peer: servers and clients in one Java process, for tests that run in trio.

The process takes commands and tells what happens, each a line of JSON; `src/Peer.java` has them all.
"""

import json
import queue
import subprocess
import threading
from collections import defaultdict
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import trio

from tests.e2e.finagle.building import command

SECONDS = 60.0  # for anything to happen; the machine may be busy

Event = dict[str, Any]
"""What the process told: a line of JSON, whose keys depend on the event."""


class Finagle:
    """The process. What it tells is kept until somebody asks, by who told it and what: `told("server-1", "request")`."""

    def __init__(self, log: Path) -> None:
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command("Peer"), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        self._told: defaultdict[tuple[str, str], queue.SimpleQueue[Event]] = defaultdict(queue.SimpleQueue)
        self._numbers = count(1)
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def close(self) -> None:
        """End the process and wait until it has gone."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdout.close()

    async def serve(self, protocol: str, **settings: Any) -> "Server":
        """Start a server of mux, thriftmux or thrift; of Thrift also `compact`, and without the Mux `buffered`.

        With the Mux, `frame bytes` is the longest fragment of a message that it wants to get. With `tls`, which has the files
        `cert`, `key` and `ca`, it wants to see its clients' certificates.
        """
        name = f"server-{next(self._numbers)}"
        self.command("serve", name, protocol=protocol, **settings)
        return Server(self, name, (await self.told(name, "listening"))["port"])

    async def client(self, protocol: str, port: int, **settings: Any) -> "Client":
        """Make a client of a port; as `serve`, and `client id`, `ping ms`, `upgrade` (TTwitter, by default tried).

        `tls` has the server's `name` besides.
        """
        name = f"client-{next(self._numbers)}"
        self.command("client", name, protocol=protocol, to=f"127.0.0.1:{port}", **settings)
        await self.told(name, "client")
        return Client(self, name)

    async def told(self, name: str, what: str) -> Event:
        """Wait for the next event `what`, or the end of the call with that id, of the server or client `name`."""
        found = await trio.to_thread.run_sync(partial(self._take, name, what), abandon_on_cancel=True)
        if found is None:
            raise TimeoutError(
                f"{name} told no {what}; known: {[key for key in self._told if not self._told[key].empty()]}"
            )
        return found

    def untold(self, name: str, what: str) -> bool:
        """Return whether no event `what` of `name` waits to be asked for."""
        return self._told[name, what].empty()

    def command(self, do: str, name: str, **settings: Any) -> None:
        """Send a command."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, "as": name, **settings}) + "\n")
        self._process.stdin.flush()

    def number(self) -> str:
        """Return an id that nothing has yet."""
        return str(next(self._numbers))

    def _take(self, name: str, what: str) -> Event | None:
        try:
            return self._told[name, what].get(timeout=SECONDS)
        except queue.Empty:
            return None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            self._told[event["as"], event.get("id", event["event"])].put(event)


@attrs.frozen
class Server:
    """A server of the process, at a port."""

    finagle: Finagle
    name: str
    port: int

    async def behave(self, how: str = "echo", *, ms: int = 0, contexts: dict[str, str] | None = None) -> None:
        """From now on echo, fail, nack (to be tried again), refuse (for good) or hang, after `ms` milliseconds.

        `contexts` go with what it echoes over Mux: names, and bytes in hexadecimal digits.
        """
        self.finagle.command("behave", self.name, how=how, ms=ms, contexts=contexts or {})
        await self.finagle.told(self.name, "behaving")

    async def request(self) -> Event:
        """Wait for the next request and return what was seen of it."""
        return await self.finagle.told(self.name, "request")

    async def interrupted(self) -> Event:
        """Wait until a request is interrupted, and return why."""
        return await self.finagle.told(self.name, "interrupted")

    async def lease(self, ms: int) -> None:
        """Grant every session of Mux that there is a lease of so many milliseconds."""
        self.finagle.command("lease", self.name, ms=ms)
        await self.finagle.told(self.name, "leased")

    def drain(self, ms: int = 5000) -> None:
        """Begin to close: what is asked already is answered, for `ms` milliseconds at most."""
        self.finagle.command("drain", self.name, ms=ms)

    async def drained(self) -> Event:
        """Wait for the end of a drain."""
        return await self.finagle.told(self.name, "drained")


@attrs.frozen
class Client:
    """A client of the process."""

    finagle: Finagle
    name: str

    def send(self, **call: Any) -> str:
        """Begin a call and return its id.

        Over Mux: `destination`, `body` in hexadecimal digits; over Thrift: `method`, `text`, `oneway`. Over both: `dtab`,
        `contexts`, and `cancel ms`, after which the call is interrupted.
        """
        number = self.finagle.number()
        self.finagle.command("call", self.name, id=number, **call)
        return number

    async def ended(self, number: str) -> Event:
        """Wait for the end of a call: the event `reply` or `failure`."""
        return await self.finagle.told(self.name, number)

    async def call(self, **call: Any) -> Event:
        """Send a call and return its end."""
        return await self.ended(self.send(**call))

    async def counters(self) -> dict[str, int]:
        """Return what Finagle has counted, without the client's name."""
        self.finagle.command("stats", self.name)
        counters = (await self.finagle.told(self.name, "stats"))["counters"]
        return {key.removeprefix(f"{self.name}/"): value for key, value in counters.items()}

    async def close(self) -> None:
        """Close its connections."""
        self.finagle.command("close", self.name)
        await self.finagle.told(self.name, "closed")
