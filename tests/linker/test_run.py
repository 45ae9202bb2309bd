"""A running linker, from its first socket to its end, over the loopback interface."""

import contextlib
import gc
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
import trio
import trio.testing

from mesh.config import Loaded, read_text
from mesh.errors import ConfigError
from mesh.linker.listener import ListenError
from mesh.linker.process import Linker
from mesh.linker.run import run_until_signal, running
from mesh.metrics import flat
from tests.e2e.raw import Message, RawConnection, connected, request
from tests.e2e.stubs import Holding, stub
from tests.ports import free_port
from tests.proxies import kinds, one, proxy, stack, stacks

SECONDS = 60.0  # that anything may take before a test gives up; a full collection of what all tests left takes some


def loaded(text: str) -> Loaded:
    return read_text(text, file="stack.yaml", kinds=kinds())


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what was closed a moment ago does not count
        try:
            sock.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock.getsockname()[1]


@pytest.fixture
def free() -> int:
    """A port that nobody listens on."""
    return free_port()


@pytest.fixture
def _usual_collector() -> Iterator[None]:
    """Undo what a running process does to the garbage collector."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


@contextlib.asynccontextmanager
async def slow(grace_ms: int = 10_000) -> AsyncIterator[tuple[Linker, RawConnection, Holding]]:
    """Run a linker with an exchange in progress that ends when the test says so."""
    held = Holding()
    with trio.fail_after(SECONDS):
        async with stub(held) as endpoint:
            settings = loaded(stacks(one(endpoint.port), grace_ms=grace_ms)).stack
            async with running(settings, kinds()) as linker, connected(port_of(linker.addresses[0])) as client:
                await client.send(request())
                await held.arrived.wait()
                yield linker, client, held


async def asked(linker: Linker, path: str, method: str = "GET") -> Message:
    """Return what the admin server answers."""
    async with connected(port_of(linker.admin_address)) as admin:
        await admin.send(request(method, path))
        return await admin.reply()


async def test_what_listens_where_is_known() -> None:
    async with running(loaded(stacks(one(80), one(81, label="second"))).stack, kinds()) as linker:
        first, second = linker.addresses

        assert linker.listening == [f"http on {first}", f"second on {second}"]
        assert not is_free(port_of(linker.admin_address))


async def test_a_request_is_routed_and_counted_from_end_to_end() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as linker, linker.connect() as client:
        await client.send(request())
        assert (await client.reply()).body == b"ok"

        shown = flat(linker.linker.metrics, "rt/http")

    server, bound = "server/127.0.0.1/0", f"client/$/inet/127.0.0.1/{endpoint.port}"
    own = ("requests", "success", "status/200", "status/2XX", "connects", "connections")
    assert [shown[f"{server}/{name}"] for name in own] == [1] * 6
    assert [shown[f"{bound}/{name}"] for name in own] == [1] * 6
    pool = ("pool_size", "pool_cached", "connect_latency_ms.count")
    balancer = ("size", "available", "adds")
    assert [shown[f"{bound}/{name}"] for name in pool] == [1] * 3
    assert [shown[f"{bound}/loadbalancer/{name}"] for name in balancer] == [1] * 3
    assert shown[f"{bound}/service/svc/web/requests"] == shown["service/svc/web/requests"] == 1


async def test_a_request_that_is_refused_is_counted_too() -> None:
    async with proxy(stack(80)) as linker, linker.connect() as client:
        await client.send(b"GET / HTTP/1.1\nHost: web\n\n")
        assert (await client.reply()).status == 400

        shown = flat(linker.linker.metrics, "rt/http/server/127.0.0.1/0")

    assert (shown["failures"], shown["status/400"], shown["status/4XX"], shown["requests"]) == (1, 1, 1, 0)


@pytest.mark.parametrize("where", ["second router", "admin"])
async def test_a_port_in_use_is_one_error_and_leaves_nothing_open(taken: int, free: int, where: str) -> None:
    text = stacks(one(80, server={"port": free}), one(81, label="second", server={"port": taken}))
    if where == "admin":
        text = stacks(one(80, server={"port": free})).replace('"port": 0', f'"port": {taken}', 1)
    before = open_files()

    with pytest.raises(ListenError, match=f"^cannot listen on 127.0.0.1:{taken}: Address already in use$"):
        async with running(loaded(text).stack, kinds()):
            raise AssertionError

    assert is_free(free)
    assert open_files() == before


async def test_what_the_stacks_refuse_is_one_error_before_anything_listens(free: int) -> None:
    text = stacks(one(80, server={"port": free}, filters={"server": [{"remove": "nothing"}]}))

    with pytest.raises(ConfigError, match="the server stack has no role nothing"):
        async with running(loaded(text).stack, kinds()):
            raise AssertionError

    assert is_free(free)


async def test_an_error_inside_the_block_comes_out_alone() -> None:
    with pytest.raises(LookupError, match="mine"):
        async with running(loaded(stack(80)).stack, kinds()):
            raise LookupError("mine")


async def test_nothing_is_left_after_the_end() -> None:
    async def run_once() -> None:
        async with stub() as endpoint, proxy(stack(endpoint.port)) as linker, linker.connect() as client:
            await client.send(request())
            await client.reply()

    await run_once()  # whatever is opened once for all runs is open now
    root = trio.lowlevel.current_root_task()
    assert root is not None
    files, tasks = open_files(), trio.lowlevel.current_statistics().tasks_living

    await run_once()
    await trio.testing.wait_all_tasks_blocked()

    assert (open_files(), trio.lowlevel.current_statistics().tasks_living) == (files, tasks)


async def test_the_block_ends_at_once_whatever_is_in_progress() -> None:
    held = Holding()
    async with contextlib.AsyncExitStack() as clients, stub(held) as endpoint:
        async with running(loaded(stack(endpoint.port)).stack, kinds()) as linker:
            client = await clients.enter_async_context(connected(port_of(linker.addresses[0])))
            await client.send(request())
            await held.arrived.wait()

        assert await client.is_closed()
        assert is_free(port_of(linker.addresses[0]))


async def test_an_exchange_in_progress_ends_and_its_connection_with_it(nursery: trio.Nursery) -> None:
    async with slow() as (linker, client, held):
        nursery.start_soon(linker.drain)
        await trio.testing.wait_all_tasks_blocked()

        held.go.set()
        answered = await client.reply()

        assert (answered.body, answered.value(b"connection")) == (b"ok", b"close")
        assert await client.is_closed()


async def test_draining_waits_for_the_exchanges_and_no_longer() -> None:
    async with slow() as (linker, _client, held), trio.open_nursery() as nursery:
        drained = trio.Event()

        async def drain() -> None:
            await linker.drain()
            drained.set()

        nursery.start_soon(drain)
        await trio.testing.wait_all_tasks_blocked()
        assert not drained.is_set()

        held.go.set()
        await drained.wait()


async def test_an_exchange_that_does_not_end_is_waited_for_as_long_as_configured() -> None:
    async with slow(grace_ms=50) as (linker, _client, _held):
        started = trio.current_time()

        await linker.drain()

        assert trio.current_time() - started >= 0.05


async def test_nobody_new_is_taken_while_draining(nursery: trio.Nursery) -> None:
    async with slow() as (linker, _client, held):
        nursery.start_soon(linker.drain)
        await trio.testing.wait_all_tasks_blocked()

        with pytest.raises(OSError, match="all attempts to connect"):
            async with connected(port_of(linker.addresses[0])):
                raise AssertionError

        held.go.set()


async def test_an_idle_client_is_let_go_when_draining() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as linker, linker.connect() as client:
        await client.send(request())
        await client.reply()

        await linker.linker.drain()

        assert await client.is_closed()


async def test_those_who_wait_to_be_accepted_when_draining_begins_get_their_answer() -> None:
    async with stub() as endpoint, proxy(stack(endpoint.port)) as linker:
        waiting = [socket.create_connection(("127.0.0.1", linker.ports[0])) for _number in range(100)]
        for sock in waiting:
            sock.sendall(request())

        await linker.linker.drain()  # without a chance to accept before

        answers = [sock.recv(65536) for sock in waiting]
        for sock in waiting:
            sock.close()

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 200 OK"}


async def test_the_admin_server_says_that_the_process_is_draining_and_stays(nursery: trio.Nursery) -> None:
    async with slow() as (linker, _client, held):
        assert (await asked(linker, "/admin/ready")).status == 200

        nursery.start_soon(linker.drain)
        await trio.testing.wait_all_tasks_blocked()

        assert (await asked(linker, "/admin/ready")).status == 503
        assert (await asked(linker, "/admin/ping")).body == b"pong"
        held.go.set()


Act = Callable[[Linker], None]


@contextlib.asynccontextmanager
async def until_signal(text: str) -> AsyncIterator[tuple[Linker, trio.Event]]:
    """Run a stack file until it ends by itself; the event says that it has."""
    ended = trio.Event()
    send, receive = trio.open_memory_channel[Linker](1)

    async def run() -> None:
        await run_until_signal(loaded(text), kinds(), send.send_nowait)
        ended.set()

    with trio.fail_after(SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run)
            yield await receive.receive(), ended
            await ended.wait()


# Signals are raised in the test's own thread: what `os.kill` sends may come to another one, and so after it has returned.


def signalled(number: signal.Signals) -> Act:
    return lambda _linker: signal.raise_signal(number)


@pytest.mark.usefixtures("_usual_collector")
@pytest.mark.parametrize(
    "act", [signalled(signal.SIGTERM), signalled(signal.SIGINT), Linker.shut_down], ids=["TERM", "INT", "told"]
)
async def test_the_process_ends_when_it_is_told_to(act: Act) -> None:
    async with until_signal(stack(80)) as (linker, ended):
        act(linker)
        await ended.wait()

    assert is_free(port_of(linker.addresses[0]))


@pytest.mark.usefixtures("_usual_collector")
async def test_the_process_ends_when_the_admin_server_is_told_to() -> None:
    async with until_signal(stack(80)) as (linker, ended):
        assert (await asked(linker, "/admin/shutdown", "POST")).body == b"draining\n"
        await ended.wait()


@pytest.mark.usefixtures("_usual_collector")
async def test_the_collector_leaves_alone_what_was_there_at_the_start() -> None:
    async with until_signal(stack(80)) as (linker, _ended):
        frozen = gc.get_freeze_count()
        linker.shut_down()

    assert frozen > 0


@pytest.mark.usefixtures("_usual_collector")
async def test_a_second_signal_ends_the_process_at_once() -> None:
    held = Holding()
    async with (
        stub(held) as endpoint,
        until_signal(stack(endpoint.port)) as (linker, ended),
        connected(port_of(linker.addresses[0])) as client,
    ):
        await client.send(request())
        await held.arrived.wait()
        signal.raise_signal(signal.SIGTERM)
        await trio.testing.wait_all_tasks_blocked()
        assert linker.draining
        assert not ended.is_set()

        signal.raise_signal(signal.SIGTERM)
        await ended.wait()

        assert await client.is_closed()


@pytest.mark.usefixtures("_usual_collector")
async def test_a_signal_after_the_admin_server_was_told_to_end_is_not_a_second_one() -> None:
    held = Holding()
    async with (
        stub(held) as endpoint,
        until_signal(stack(endpoint.port)) as (linker, ended),
        connected(port_of(linker.addresses[0])) as client,
    ):
        await client.send(request())
        await held.arrived.wait()
        await asked(linker, "/admin/shutdown", "POST")
        signal.raise_signal(signal.SIGTERM)
        await trio.testing.wait_all_tasks_blocked()
        assert not ended.is_set()

        held.go.set()

        assert (await client.reply()).body == b"ok"


@pytest.mark.usefixtures("_usual_collector")
def test_a_port_in_use_comes_out_of_the_whole_run_as_one_error(taken: int) -> None:
    text = stack(80, server={"port": taken})

    with pytest.raises(ListenError):
        trio.run(run_until_signal, loaded(text), kinds(), lambda _linker: None)
