"""The admin pages of a supervisor, without one."""

import json
from typing import Any

import attrs
import pytest

from mesh.admin import PageReply, PageRequest, Site
from mesh.config import read_text
from mesh.linker.summed import summed_site
from mesh.linker.workers import Slot
from mesh.metrics import Metrics
from tests.proxies import kinds, stack


class Workers:
    """Two workers, one of which is ready; metrics say whose they are."""

    def __init__(self) -> None:
        self.slots = [Slot(0), Slot(1)]
        self.slots[0].pages = [["/client_state.json", "the endpoints", ["GET"]], ["/admin/ping", "pong", ["GET"]]]
        self.stopped = False

    def awaited(self) -> list[str]:
        return ["worker 1"]

    def shut_down(self) -> None:
        self.stopped = True

    async def whole(self) -> Metrics:
        metrics = Metrics()
        metrics.counter("requests").value = 12
        return metrics

    async def one(self, number: int) -> Metrics | None:
        metrics = Metrics()
        metrics.counter("requests").value = number + 1
        return metrics if number in (0, 1) else None

    async def page(self, number: int | None, request: PageRequest) -> dict[str, Any] | None:
        if number == 1:
            return None
        reply = PageReply.of_text(f"{request.path} of {number}")
        return {**attrs.asdict(reply), "body": reply.body.decode()}


@pytest.fixture
def workers() -> Workers:
    return Workers()


@pytest.fixture
def site(workers: Workers) -> Site:
    loaded = read_text(stack(80), file="a.yaml", kinds=kinds())
    return summed_site(workers, loaded, lambda: {"shown": "masked"})


async def asked(site: Site, path: str, worker: str = "", method: str = "GET") -> tuple[int, str]:
    query = {"worker": [worker]} if worker else {}
    reply = await site.handle(PageRequest(method, path, query))
    return reply.status, reply.body.decode()


async def test_metrics_are_those_of_all_or_of_the_one_that_is_asked_for(site: Site) -> None:
    assert await asked(site, "/admin/metrics.json") == (200, '{"requests":12}')
    assert await asked(site, "/metrics.json", "1") == (200, '{"requests":2}')
    assert "requests 12\n" in (await asked(site, "/admin/metrics/prometheus"))[1]


@pytest.mark.parametrize("worker", ["2", "-1", "x", "999999999"])
async def test_a_worker_that_there_is_not_is_not_found(site: Site, worker: str) -> None:
    assert (await asked(site, "/admin/metrics.json", worker))[0] == 404
    assert (await asked(site, "/client_state.json", worker))[0] == 404


async def test_other_pages_come_from_a_worker(site: Site) -> None:
    assert await asked(site, "/client_state.json") == (200, "/client_state.json of None")
    assert await asked(site, "/client_state.json", "0") == (200, "/client_state.json of 0")
    assert (await asked(site, "/client_state.json", "1"))[0] == 404


async def test_what_is_forbidden_is_not_shown(workers: Workers) -> None:
    text = stack(80).replace('"port": 0', '"security": {"controlEnabled": false}, "port": 0', 1)
    site = summed_site(workers, read_text(text, file="a.yaml", kinds=kinds()), dict)

    assert (await asked(site, "/admin/shutdown", method="POST"))[0] == 404
    assert (await asked(site, "/admin/metrics.json"))[0] == 200


async def test_what_the_supervisor_knows_it_says_itself(site: Site, workers: Workers) -> None:
    assert await asked(site, "/admin/ping") == (200, "pong")
    assert await asked(site, "/admin/ready") == (503, "waiting for worker 1\n")
    assert await asked(site, "/config.json") == (200, '{"shown": "masked"}')
    assert await asked(site, "/admin/shutdown", method="POST") == (200, "draining\n")
    assert workers.stopped


async def test_the_workers_are_listed(site: Site) -> None:
    _status, text = await asked(site, "/admin/workers.json")

    assert [(one["worker"], one["ready"], one["pid"], one["restarts"]) for one in json.loads(text)] == [
        (0, False, None, 0),
        (1, False, None, 0),
    ]
