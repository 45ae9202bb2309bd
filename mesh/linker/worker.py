"""One worker of several: a process that serves on the sockets which its supervisor gives it, and does as it is told.

It has no admin server, and no configuration until the supervisor says `prepare` and `commit`. It ends, draining, when it is
told to, by SIGTERM, and when the supervisor has gone. The supervisor starts it as `python -m mesh.linker.worker …`.
"""

import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

import attrs
import trio

from mesh.admin import PageRequest
from mesh.config import masked, read_text
from mesh.errors import MeshError
from mesh.linker.channel import Channel, ChannelClosed, Message
from mesh.linker.doors import Door
from mesh.linker.listener import ListenError
from mesh.linker.placed import placed
from mesh.linker.process import Linker, Prepared
from mesh.linker.run import process, tune_collector
from mesh.linker.watchdog import Watchdog
from mesh.metrics.merging import dump
from mesh.plugins import Kinds, find

logger = logging.getLogger(__name__)

IGNORED = (
    signal.SIGINT,
    signal.SIGHUP,
    signal.SIGUSR1,
)  # they reach the whole group; the supervisor says what they mean


class Worker:
    """Answers the supervisor. State: what was prepared and is neither in force nor given up yet."""

    def __init__(self, linker: Linker, kinds: Kinds) -> None:
        self._linker = linker
        self._kinds = kinds
        self._prepared: Prepared | None = None

    async def answer(self, message: Message, sockets: list[socket.socket]) -> Message:
        """Return the answer to one message; `error` in it says what is wrong. Sockets that nobody wants are closed."""
        match message["call"]:
            case "prepare":
                return self._prepare(message, sockets)
            case "commit":
                if self._prepared is not None:
                    self._prepared.commit()
                    self._prepared = None
            case "abandon":
                if self._prepared is not None:
                    self._prepared.abandon()
                    self._prepared = None
            case "metrics":
                return {"metrics": dump(self._linker.metrics)}
            case "page":
                return await self._page(message["page"])
            case "reopen":
                self._linker.reopening.now()
            case "drain":
                self._linker.shut_down()
        return {}

    def _prepare(self, message: Message, sockets: list[socket.socket]) -> Message:
        given: dict[str, socket.socket] = dict(zip(message["doors"], sockets, strict=True))

        def open_(door: Door) -> socket.socket:
            sock = given.pop(door.key, None)
            if sock is None:
                raise ListenError(f"the supervisor gave no socket for {door.key}")
            return sock

        try:
            loaded = read_text(message["text"], file=message["file"], kinds=self._kinds, folder=message["folder"])
            with placed(loaded):
                self._prepared = self._linker.prepare(loaded.stack, lambda: masked(loaded), open_)
        except MeshError as error:
            return {"error": str(error)}
        finally:
            for sock in given.values():
                sock.close()
        return {"pages": [[page.path, page.summary, page.methods] for page in self._prepared.site.pages]}

    async def _page(self, asked: dict[str, Any]) -> Message:
        reply = await self._linker.site.handle(PageRequest(**{**asked, "body": asked["body"].encode("latin-1")}))
        return {"page": {**attrs.asdict(reply), "body": reply.body.decode("latin-1")}}


async def work(sock: socket.socket, workers: int) -> None:
    """Serve until told to end, then drain."""
    kinds = find()
    channel = Channel(sock)
    with trio.open_signal_receiver(signal.SIGTERM) as signals:
        async with process(kinds, has_admin=False, workers=workers) as linker, trio.open_nursery() as nursery:
            worker = Worker(linker, kinds)
            watchdog = Watchdog(linker.metrics)

            def begin() -> None:
                tune_collector(linker)
                linker.life.start("watchdog", watchdog.run)

            nursery.start_soon(_obey, channel, worker, linker, nursery, begin)
            nursery.start_soon(_on_signal, signals, linker)
            with watchdog.watching():
                await linker.wait_stopped()
                await linker.drain()
            nursery.cancel_scope.cancel()


async def _obey(
    channel: Channel, worker: Worker, linker: Linker, nursery: trio.Nursery, begin: Callable[[], None]
) -> None:
    """Answer until the supervisor has gone; `begin` is called once something is in force for the first time."""
    has_begun = False
    while (received := await channel.receive()) is not None:
        message, sockets = received
        nursery.start_soon(_answer, channel, worker, message, sockets)
        if message["call"] == "commit" and not has_begun:
            has_begun = True
            begin()
    linker.shut_down()


async def _answer(channel: Channel, worker: Worker, message: Message, sockets: list[socket.socket]) -> None:
    try:
        answer = await worker.answer(message, sockets)
    except Exception as error:
        logger.exception("the supervisor asked for %s, and that raised", message["call"])
        answer = {"error": f"{type(error).__name__}: {error}"}
    try:
        await channel.send({**answer, "answer": message["number"]})
    except ChannelClosed:
        return


async def _on_signal(signals: AsyncIterator[int], linker: Linker) -> None:
    async for _number in signals:
        linker.shut_down()


def main(arguments: list[str]) -> None:
    """Run as a process of its own: the descriptor of the channel, the level of the log, its number, and how many there are."""
    descriptor, level, number, workers = arguments
    for ignored in IGNORED:
        signal.signal(ignored, signal.SIG_IGN)
    logging.basicConfig(
        stream=sys.stderr, level=level, format=f"%(asctime)s %(levelname)s %(name)s: worker {number}: %(message)s"
    )
    trio.run(work, socket.socket(fileno=int(descriptor)), int(workers))


if __name__ == "__main__":
    main(sys.argv[1:])
