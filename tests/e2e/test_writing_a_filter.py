"""The filters of the page about filters, in a running linker."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.raw import RawConnection, reply, request
from tests.e2e.stubs import Behaviour, Stub, answering, stub
from tests.proxies import proxy, stack
from tests.structure.pages import page


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory with the modules of the page."""
    for block in page("docs/writing-a-filter.md").blocks:
        name = block.text.partition("\n")[0].removeprefix("# ")
        if block.language == "python" and "/" not in name:
            (tmp_path / name).write_text(block.text)
    return tmp_path


@contextlib.asynccontextmanager
async def filtered(kind: str, folder: Path, behave: Behaviour) -> AsyncIterator[tuple[Stub, RawConnection]]:
    """Run a router with a filter in its service stack, and connect to it."""
    async with stub(behave) as endpoint:
        text = stack(endpoint.port, filters={"service": [{"kind": kind}]})
        async with proxy(text, folder=folder) as linker, linker.connect() as client:
            yield endpoint, client


async def test_a_greeting_is_added_to_the_reply(folder: Path) -> None:
    async with filtered("greeting:Greeting", folder, answering(reply())) as (_endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert answer.value(b"x-greeting") == b"hello"


async def test_a_get_is_repeated_and_nothing_is_forgotten(folder: Path) -> None:
    async with filtered("again:Again", folder, answering(reply(503))) as (endpoint, client):
        await client.send(request())
        answer = await client.reply()

    assert (answer.status, len(endpoint.requests)) == (503, 2)


@pytest.mark.parametrize("size", [2, 200_000])
async def test_a_body_that_a_filter_put_in_place_of_another_is_written(folder: Path, size: int) -> None:
    async with filtered("shouting:shout", folder, answering(reply(body=b"x" * size))) as (_endpoint, client):
        await client.send(request() + request())
        answers = [await client.reply() for _ in range(2)]

    assert [answer.body for answer in answers] == [b"X" * size] * 2
