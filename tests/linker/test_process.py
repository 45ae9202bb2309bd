"""A configuration in the place of another, while requests are on their way."""

import contextlib
import gc
import os
import pathlib
import socket
import weakref
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio
import trio.testing

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.linker.listener import ListenError
from mesh.linker.process import Linker, Prepared
from mesh.metrics import flat
from tests.e2e.raw import RawConnection, connected, reply, request
from tests.e2e.stubs import Stub, stub
from tests.proxies import Proxy, disco, kinds, one, proxy, stack, stacks
from tests.waiting import until


def prepared(linker: Linker, text: str) -> Prepared:
    loaded = read_text(text, file="again.yaml", kinds=kinds())
    return linker.prepare(loaded.stack, lambda: {"text": text})


def put(proxy: Proxy, text: str) -> None:
    prepared(proxy.linker, text).commit()


async def settled(linker: Linker) -> None:
    """Wait until what was replaced has been closed."""
    await until(lambda: len(linker.life._children) == 1)


async def ask(client: RawConnection, name: str = "web") -> tuple[int, bytes]:
    await client.send(request(host=name))
    answer = await client.reply()
    return answer.status, answer.body


def saying(text: bytes) -> Any:
    async def behave(endpoint: Stub, connection: RawConnection) -> None:
        while await connection.message() is not None:
            await connection.send(reply(body=text))

    return behave


@contextlib.asynccontextmanager
async def two() -> AsyncIterator[tuple[Stub, Stub]]:
    """Two endpoints that say which they are."""
    async with stub(saying(b"one")) as first, stub(saying(b"two")) as second:
        yield first, second


async def test_a_new_dtab_reaches_a_live_connection_and_keeps_what_is_warm() -> None:
    async with two() as (first, second), proxy(stack(first.port)) as running, running.connect() as client:
        before = await ask(client)
        router = running.linker.assembly.routers[0]

        put(running, stack(second.port))
        after = await ask(client)
        put(running, stack(first.port))
        again = await ask(client)
        await settled(running.linker)
        kept = running.linker.assembly.routers[0].service is router.service

    assert [before, after, again] == [(200, b"one"), (200, b"two"), (200, b"one")]
    assert (kept, len(first.connections)) == (True, 1)


async def test_a_router_that_is_built_anew_keeps_the_clients_whose_settings_are_the_same() -> None:
    filters = {"service": [{"kind": "tests.linker.test_process:Passing"}]}
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
        await ask(client)
        router = running.linker.assembly.routers[0]

        put(running, stack(endpoint.port, filters=filters))
        await ask(client)
        await settled(running.linker)
        after = await ask(client)
        changed = running.linker.assembly.routers[0].service is not router.service
        shown = flat(running.linker.metrics, f"rt/http/client/$/inet/127.0.0.1/{endpoint.port}")

    assert (changed, after, len(endpoint.connections)) == (True, (200, b"ok"), 1)
    assert (shown["requests"], shown["service/svc/web/requests"], shown["connections"]) == (3, 3, 1)


class Passing:
    """A filter that does nothing, without keys."""

    async def __call__(self, request: Any, service: Any, /) -> Any:
        return await service(request)


async def test_a_client_whose_settings_change_is_built_anew_alone() -> None:
    def text(failures: int, first: Stub, second: Stub) -> str:
        changed = {"prefix": f"/$/inet/127.0.0.1/{first.port}", "requeueBudget": {"minRetriesPerSec": failures}}
        same = {"prefix": f"/$/inet/127.0.0.1/{second.port}", "requeueBudget": {"minRetriesPerSec": 7}}
        dtab = f"/svc/a => /$/inet/127.0.0.1/{first.port}; /svc/b => /$/inet/127.0.0.1/{second.port};"
        return stack(dtab, client={"kind": "io.l5d.static", "configs": [changed, same]})

    async with two() as (first, second), proxy(text(1, first, second)) as running, running.connect() as client:
        for name in ("a", "b"):
            await ask(client, name)

        put(running, text(2, first, second))
        answers = [await ask(client, name) for name in ("a", "b")]
        await settled(running.linker)

    assert answers == [(200, b"one"), (200, b"two")]
    assert (len(first.connections), len(second.connections)) == (2, 1)


async def test_the_clients_of_a_namer_that_changed_are_built_anew(tmp_path: pathlib.Path) -> None:
    async with two() as (first, second):
        for name, endpoint in (("one", first), ("two", second)):
            (tmp_path / name).mkdir()
            disco(tmp_path / name, web=[endpoint.port])

        def text(name: str) -> str:
            return stack("/svc => /#/io.l5d.fs;", namers=[{"kind": "io.l5d.fs", "rootDir": str(tmp_path / name)}])

        async with proxy(text("one")) as running, running.connect() as client:
            before = await ask(client)
            put(running, text("two"))
            after = await ask(client)
            await settled(running.linker)

    assert (before, after) == ((200, b"one"), (200, b"two"))


async def test_an_exchange_ends_with_the_configuration_that_it_began_with() -> None:
    arrived, go = trio.Event(), trio.Event()

    async def slow(endpoint: Stub, connection: RawConnection) -> None:
        while await connection.message() is not None:
            arrived.set()
            await go.wait()
            await connection.send(reply(body=b"slow"))

    async with contextlib.AsyncExitStack() as opened:
        first = await opened.enter_async_context(stub(slow))
        second = await opened.enter_async_context(stub(saying(b"two")))
        async with proxy(stack(first.port)) as running, running.connect() as client, running.connect() as other:
            await client.send(request())
            await arrived.wait()
            before = running.linker.assembly

            put(running, stack(second.port, bindingTimeoutMs=999))
            meanwhile = await ask(other)
            await trio.sleep(0.1)
            still_open = not before.life.closed
            go.set()
            answer = await client.reply()
            await settled(running.linker)

            assert (meanwhile, still_open, answer.body) == ((200, b"two"), True, b"slow")
            assert await ask(client) == (200, b"two")
            assert before.life.closed


async def test_what_does_not_end_is_waited_for_as_long_as_configured() -> None:
    async def silent(endpoint: Stub, connection: RawConnection) -> None:
        while await connection.message() is not None:
            pass

    async with stub(silent) as endpoint:
        text = stacks(one(endpoint.port), grace_ms=100)
        async with proxy(text) as running, running.connect() as client:
            await client.send(request())
            await until(lambda: endpoint.connections)
            before = running.linker.assembly

            put(running, stacks(one(endpoint.port, bindingTimeoutMs=999), grace_ms=100))
            await settled(running.linker)

            assert before.life.closed


async def test_a_configuration_that_cannot_be_built_changes_nothing() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
        before = (running.linker.assembly, running.linker.addresses, len(running.linker.life._children))
        wrong = stacks(one(1), one(2, label="second", filters={"server": [{"remove": "nothing"}]}))

        with pytest.raises(ConfigError, match="the server stack has no role nothing"):
            prepared(running.linker, wrong)

        after = (running.linker.assembly, running.linker.addresses, len(running.linker.life._children))
        assert after == before
        assert await ask(client) == (200, b"ok")


async def test_an_address_that_cannot_be_bound_changes_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
            files = len(os.listdir("/proc/self/fd"))
            new = stacks(one(1, label="new"), one(2, label="second", server={"port": port}))

            with pytest.raises(ListenError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
                prepared(running.linker, new)

            assert len(os.listdir("/proc/self/fd")) == files
            assert await ask(client) == (200, b"ok")


async def test_what_was_prepared_may_be_given_up() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
        files = len(os.listdir("/proc/self/fd"))

        prepared(running.linker, stacks(one(1, label="other"), one(2, label="second"))).abandon()

        assert len(os.listdir("/proc/self/fd")) == files
        assert await ask(client) == (200, b"ok")


async def test_a_server_that_comes_is_open_and_one_that_goes_is_drained() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
        await ask(client)
        second = one(endpoint.port, label="second")

        put(running, stacks(one(endpoint.port), second))
        async with running.connect(1) as other:
            both = await ask(other)
            put(running, stacks(second))
            closed = await client.is_closed()
            left = running.linker.listening
            after = await ask(other)
        await settled(running.linker)
        scopes = list(running.linker.metrics.scope("rt").scopes)

    assert (both, closed, after) == ((200, b"ok"), True, (200, b"ok"))
    assert ([line.split()[0] for line in left], scopes) == (["second"], ["second"])


async def test_the_admin_server_moves_when_its_address_changes() -> None:
    async with proxy(stack(80)) as running:
        before = running.admin_port

        put(running, stack(80).replace('"port": 0', '"ip": "127.0.0.2", "port": 0', 1))
        address = running.linker.admin_address

        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", before))
    assert address.startswith("127.0.0.2:")


async def test_the_pages_show_what_is_in_force() -> None:
    async with proxy(stack(80)) as running, connected(running.admin_port) as admin:
        put(running, stack(81, label="renamed"))

        await admin.send(request("GET", "/config.json"))
        shown = await admin.reply()
        await admin.send(request("GET", "/delegator.json?namespace=renamed&path=/svc/web"))
        delegated = await admin.reply()

    assert (b"renamed" in shown.body, delegated.status) == (True, 200)


async def test_nothing_of_what_was_replaced_is_left() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as running, running.connect() as client:
        texts = [stack(endpoint.port), stack(endpoint.port, bindingTimeoutMs=999, dstPrefix="/svc")]
        gone, tasks = [], []
        for number in range(6):
            put(running, texts[number % 2])
            await ask(client)
            gone.append(weakref.ref(running.linker.assembly.routers[0].parts))
            await settled(running.linker)
            tasks.append(trio.lowlevel.current_statistics().tasks_living)
        gc.collect()

        assert [part() is not None for part in gone] == [False] * 5 + [True]
        assert len(set(tasks[1:])) == 1
