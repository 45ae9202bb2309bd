"""What stays when one assembly takes the place of another. tests/linker/test_process.py has the same with requests."""

from collections.abc import AsyncIterator

import pytest
import trio

from mesh.config import read_text
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.linker.succession import succeed
from mesh.metrics import Metrics
from mesh.naming.dtab import Dtab
from tests.proxies import kinds, one, stacks


class Bench:
    """Assembles one stack file after the other."""

    def __init__(self, life: Life) -> None:
        self.metrics = Metrics()
        self._life = life

    def built(self, text: str, before: Assembly | None = None) -> Assembly:
        settings = read_text(text, file="a.yaml", kinds=kinds()).stack
        return assemble(settings, kinds(), self._life, self.metrics, before=before)

    def after(self, text: str, before: Assembly) -> Assembly:
        """Put an assembly in the place of another, which ends."""
        assembly = self.built(text, before)
        succeed(assembly, before)
        before.life.close()
        return assembly


@pytest.fixture
async def bench(nursery: trio.Nursery) -> AsyncIterator[Bench]:
    life = Life(nursery, "test")
    yield Bench(life)
    life.close()


async def test_what_is_the_same_is_the_same_object_and_lives_on(bench: Bench) -> None:
    before = bench.built(stacks(one(80), one(81, label="second")))

    now = bench.after("# moved by a line\n" + stacks(one(80), one(81, label="second", bindingTimeoutMs=5)), before)

    assert now.routers[0].service is before.routers[0].service
    assert now.routers[1].service is not before.routers[1].service
    assert [router.life.closed for router in (*now.routers, before.routers[1])] == [False, False, True]
    assert now.system is before.system


async def test_a_dtab_is_set_in_the_router_that_is_there_and_only_when_it_takes_over(bench: Bench) -> None:
    before = bench.built(stacks(one(80)))

    now = bench.built(stacks(one(81)), before)
    still = before.routers[0].dtab.value
    succeed(now, before)

    assert (still, now.routers[0].dtab.value) == (
        Dtab.read("/svc=>/$/inet/127.0.0.1/80"),
        Dtab.read("/svc=>/$/inet/127.0.0.1/81"),
    )
    assert now.routers[0].interpreter.dtab.value == Dtab.read("/svc=>/$/inet/127.0.0.1/81")


async def test_a_server_that_changes_is_built_anew_before_the_same_router(bench: Bench) -> None:
    router = one(80)
    router["servers"] = [{"port": 0}, {"port": 0}, {"port": 1}]
    before = bench.built(stacks(router))
    router["servers"] = [{"port": 0}, {"port": 0}, {"port": 1, "timeoutMs": 5}]

    now = bench.after(stacks(router), before)

    assert now.routers[0].service is before.routers[0].service
    assert now.routers[0].servers[:2] == before.routers[0].servers[:2]
    assert [server.life.closed for server in (now.routers[0].servers[2], before.routers[0].servers[2])] == [False, True]


async def test_what_was_built_in_vain_is_gone(bench: Bench) -> None:
    before = bench.built(stacks(one(80)))

    bench.built(stacks(one(80), one(81, label="second")), before).life.close()

    assert [router.life.closed for router in before.routers] == [False]
    assert list(bench.metrics.scope("rt").scopes) == ["http"]
