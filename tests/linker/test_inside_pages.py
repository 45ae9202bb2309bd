"""The pages that show a process from inside."""

import json
import os

import trio.testing

from mesh.admin import PageReply, PageRequest
from mesh.config import read_text
from mesh.linker.run import running
from mesh.version import __version__
from tests.proxies import kinds, stack


async def got(path: str) -> PageReply:
    async with running(read_text(stack(80), file="a.yaml", kinds=kinds()).stack, kinds()) as linker:
        await trio.testing.wait_all_tasks_blocked()
        return await linker.site.handle(PageRequest("GET", path))


async def test_the_process_says_what_it_is() -> None:
    shown = json.loads((await got("/admin/server_info")).body)

    assert (shown["name"], shown["version"], shown["pid"]) == ("linker", __version__, os.getpid())


async def test_every_task_is_listed_with_the_place_where_it_waits() -> None:
    text = (await got("/admin/threads")).body.decode()

    (line,) = [line for line in text.splitlines() if line.strip().startswith("metrics ")]
    assert "mesh.metrics.rotation.Rotation.run:" in line
    assert text.splitlines()[0].startswith("<init>")


async def test_the_roles_of_each_stack_are_listed() -> None:
    (router,) = json.loads((await got("/admin/registry.json")).body)["registry"].values()

    assert router["server"][-1] == "router"
    assert "balancer" in router["client"]
