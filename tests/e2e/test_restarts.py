"""Backends that restart while requests keep coming: nothing is lost as long as one of them lives."""

import pathlib

import attrs
import pytest
import trio
import trio.testing

from tests.e2e.raw import request
from tests.e2e.stubs import Stub, stub
from tests.proxies import FS, Proxy, disco, proxy, stack

PAUSE = 0.01  # between requests: a steady hundred a second
DOWN = 0.3  # how long a backend is away


@attrs.define(eq=False)
class Clients:
    """Clients that ask again and again; `statuses` are the answers, in order."""

    running: Proxy
    statuses: list[int] = attrs.field(factory=list)

    stopped: bool = False

    async def run(self) -> None:
        async with self.running.connect() as client:
            while not self.stopped:
                await client.send(request())
                self.statuses.append((await client.reply()).status)
                await trio.sleep(PAUSE)


async def up(nursery: trio.Nursery, port: int = 0) -> Stub:
    """Start a backend, on the port that it had before."""

    async def run(task_status: trio.TaskStatus[Stub]) -> None:
        async with stub(port=port) as backend:
            task_status.started(backend)
            await trio.sleep_forever()

    backend: Stub = await nursery.start(run)
    return backend


@pytest.mark.slow
async def test_no_request_is_lost_to_backends_that_restart_one_after_the_other_and_then_all(
    tmp_path: pathlib.Path, nursery: trio.Nursery
) -> None:
    backends = [await up(nursery) for _number in range(3)]
    ports = [backend.port for backend in backends]
    text = stack(FS, namers=disco(tmp_path, web=ports))
    async with proxy(text, warnings=True) as running:
        clients = [Clients(running) for _number in range(3)]
        for client in clients:
            nursery.start_soon(client.run)
        await trio.sleep(0.3)

        for number, port in enumerate(ports):
            backends[number].kill()
            await trio.sleep(DOWN)
            backends[number] = await up(nursery, port)
            await trio.sleep(DOWN)
        rolling = [status for client in clients for status in client.statuses]

        for backend in backends:
            backend.kill()
        await trio.sleep(DOWN)
        backends[0] = await up(nursery, ports[0])
        await trio.sleep(1.0)  # for the clients to find the survivor; the two others stay away
        for client in clients:
            client.statuses.clear()
        await trio.sleep(1.0)
        survivor = [status for client in clients for status in client.statuses]
        available = running.metric("client/#/io.l5d.fs/web/loadbalancer/available")
        for client in clients:
            client.stopped = True
        await trio.testing.wait_all_tasks_blocked(2 * PAUSE)

    assert set(rolling) == {200}
    assert set(survivor) == {200}
    assert available == 1  # long before a breaker's first pause, which is 5 s, is over
