"""A supervisor with workers that are processes: what it does that `linker run --workers` does not show."""

import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from mesh.admin import PageRequest
from mesh.config import read_file
from mesh.errors import MeshError
from mesh.linker.supervisor import Supervisor
from mesh.metrics import flat
from tests.e2e.raw import connected, request
from tests.proxies import kinds, one, stack, stacks

pytestmark = pytest.mark.slow

PICKY = """
import pathlib

class Picky:
    def __init__(self):
        _python, *arguments = pathlib.Path("/proc/self/cmdline").read_text().split(chr(0))
        if "mesh.linker.worker" in arguments and arguments[-3] == "1":
            raise OSError("not in worker 1")

    async def __call__(self, request, service):
        return await service(request)
"""


@pytest.fixture
async def supervisor(tmp_path: Path, nursery: trio.Nursery) -> AsyncIterator[Supervisor]:
    (tmp_path / "stack.yaml").write_text(stack(80))
    built = Supervisor(read_file(str(tmp_path / "stack.yaml"), kinds()), kinds(), 2, nursery, level="ERROR")
    await built.start()
    yield built
    built.shut_down()
    await built.run()
    nursery.cancel_scope.cancel()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_a_configuration_that_one_worker_refuses_reaches_none_and_leaves_nothing_open(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    files, before = open_files(), supervisor.loaded
    (tmp_path / "picky_filter.py").write_text(PICKY)
    text = stacks(one(81), one(82, label="more", filters={"server": [{"kind": "picky_filter:Picky"}]}))
    (tmp_path / "stack.yaml").write_text(text)

    with pytest.raises(MeshError, match="not in worker 1"):
        await supervisor.reloads.reload()

    answers = await supervisor.ask("metrics")
    shown = [flat_names(answer["metrics"]) for _number, answer in answers]
    assert (supervisor.loaded, open_files(), supervisor.awaited()) == (before, files, [])
    assert shown == [{"http"}, {"http"}]


def flat_names(dumped: dict[str, object]) -> set[str]:
    scopes = dumped["scopes"]
    assert isinstance(scopes, dict)
    return set(scopes["rt"]["scopes"])


async def test_addresses_come_and_go_with_the_configuration(supervisor: Supervisor, tmp_path: Path) -> None:
    files = open_files()
    (tmp_path / "stack.yaml").write_text(stacks(one(80), one(81, label="more")))
    await supervisor.reloads.reload()
    more = open_files()
    port = int(supervisor.listening[1].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)):
        pass

    (tmp_path / "stack.yaml").write_text(stack(80))
    await supervisor.reloads.reload()

    assert (more - files, open_files(), len(supervisor.listening)) == (2, files, 1)
    with trio.fail_after(60):
        while is_open(port):
            await trio.sleep(0.02)


def is_open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


async def test_a_worker_that_does_not_answer_is_left_out_of_the_sum(supervisor: Supervisor) -> None:
    pid = supervisor.slots[0].pid
    os.kill(pid, signal.SIGSTOP)

    answers = await supervisor.ask("metrics", seconds=0.2)
    os.kill(pid, signal.SIGCONT)
    whole = flat(await supervisor.whole())

    assert [number for number, _answer in answers] == [1]
    assert (whole["workers/ready"], whole["workers/restarts"]) == (2, 0)


async def test_the_port_that_names_requests_comes_with_the_configuration_in_every_worker(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    (tmp_path / "stack.yaml").write_text(stack(80).replace('"port": 0', '"httpIdentifierPort": 0, "port": 0', 1))
    await supervisor.reloads.reload()
    label, _on, address = supervisor.listening[-1].rpartition(" on ")

    answers = set()
    for _number in range(20):  # the system shares them out
        async with connected(int(address.rpartition(":")[2])) as client:
            await client.send(request("GET", "/x"))
            answers.add((await client.reply()).body)

    (answer,) = answers
    assert label == "names of requests"
    assert json.loads(answer)["http"]["path"] == "/svc/web"


async def test_what_changes_something_is_asked_of_every_worker(supervisor: Supervisor) -> None:
    shown = await supervisor.page(None, PageRequest("POST", "/admin/breakers/reset"))

    assert shown is not None
    assert (shown["status"], shown["body"]) == (200, '{"reset": 0}')
