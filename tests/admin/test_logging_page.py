"""Levels of loggers: shown, and set."""

import json
import logging
from collections.abc import Iterator

import pytest

from mesh.admin.logging_page import OFF, logging_page
from mesh.admin.pages import PageReply, PageRequest, Site

NAME = "tests.admin.noisy"


@pytest.fixture
def noisy() -> Iterator[logging.Logger]:
    logger = logging.getLogger(NAME)
    yield logger
    logger.setLevel(logging.NOTSET)


async def asked(method: str = "GET", body: str = "", **query: str) -> PageReply:
    parameters = {name: [value] for name, value in query.items()}
    return await Site([logging_page()]).handle(PageRequest(method, "/logging.json", parameters, body=body.encode()))


async def listed() -> dict[str, str]:
    return {one["logger"]: one["level"] for one in json.loads((await asked()).body)}


async def test_every_logger_is_listed_the_one_above_all_first(noisy: logging.Logger) -> None:
    noisy.setLevel(logging.ERROR)

    shown = await listed()

    assert next(iter(shown)) == "root"
    assert shown[NAME] == "ERROR"


@pytest.mark.parametrize(
    ("level", "number"),
    [("DEBUG", logging.DEBUG), ("warning", logging.WARNING), ("FATAL", logging.CRITICAL), ("OFF", OFF), ("ALL", 1)],
)
async def test_a_level_is_set_by_a_form(noisy: logging.Logger, level: str, number: int) -> None:
    reply = await asked("POST", f"logger={NAME}&level={level}")

    assert (reply.status, noisy.level) == (200, number)


async def test_a_level_is_set_by_the_query_too(noisy: logging.Logger) -> None:
    await asked("POST", logger=NAME, level="ERROR")

    assert (await listed())[NAME] == "ERROR"


async def test_a_level_between_two_is_shown_as_the_one_that_lets_as_much_through(noisy: logging.Logger) -> None:
    noisy.setLevel(15)

    assert (await listed())[NAME] == "DEBUG"


@pytest.mark.parametrize("form", ["logger=no.such&level=INFO", f"logger={NAME}&level=LOUD", "", f"logger={NAME}"])
async def test_what_there_is_not_is_refused(noisy: logging.Logger, form: str) -> None:
    reply = await asked("POST", form)

    assert (reply.status, noisy.level) == (400, logging.NOTSET)


async def test_other_methods_are_refused() -> None:
    assert (await asked("PUT")).status == 405
