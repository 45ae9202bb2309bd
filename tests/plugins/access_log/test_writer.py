"""The queue and the thread of the access log."""

import logging
import math
import time
from pathlib import Path

import pytest

from mesh_plugins.access_log.exchange import Exchange
from mesh_plugins.access_log.logfile import LogFile
from mesh_plugins.access_log.writer import Writer
from tests.plugins.access_log.exchanges import an_exchange

PATIENCE = 10.0  # seconds; a thread that hangs fails the test


def show(exchange: Exchange) -> str:
    return exchange.target.decode()


def broken(exchange: Exchange) -> str:
    return str(exchange.sent / exchange.status / 25)


def ended(writer: Writer) -> bool:
    writer.close()
    return writer.join(PATIENCE)


async def exchanges(*targets: str) -> list[Exchange]:
    return [await an_exchange(target=target.encode()) for target in targets]


async def test_everything_is_written_by_the_end(tmp_path: Path) -> None:
    writer = Writer(LogFile(str(tmp_path / "log")), show, 1000)

    for exchange in await exchanges(*map(str, range(100))):
        writer.put(exchange)

    assert ended(writer)
    assert (tmp_path / "log").read_text().split() == [str(number) for number in range(100)]
    assert (writer.lines, writer.dropped) == (100, 0)


def test_without_requests_there_is_neither_thread_nor_file(tmp_path: Path) -> None:
    writer = Writer(LogFile(str(tmp_path / "log")), show, 1000)

    assert ended(writer)
    assert list(tmp_path.iterdir()) == []


async def test_a_full_queue_drops_and_counts(tmp_path: Path) -> None:
    writer = Writer(LogFile(str(tmp_path / "log")), show, 3)

    for exchange in await exchanges(*"abcde"):
        writer.put(exchange)  # within the moment that the thread waits for more

    assert ended(writer)
    assert (writer.lines, writer.dropped) == (3, 2)


async def test_a_file_that_cannot_be_written_loses_lines_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = Writer(LogFile(str(tmp_path / "none" / "log")), show, 1000)

    with caplog.at_level(logging.WARNING):
        for exchange in await exchanges(*map(str, range(40))):
            writer.put(exchange)
        assert ended(writer)

    assert (writer.lines, writer.dropped) == (0, 40)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == ["the access log cannot be written"]


async def test_a_file_is_opened_again_under_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh_plugins.access_log.logfile.LOOK_SECONDS", math.inf)
    path = tmp_path / "log"
    file = LogFile(str(path))
    writer = Writer(file, show, 1000)
    first, second = await exchanges("first", "second")
    file.write(b"zero\n", time.time())
    path.rename(tmp_path / "old")

    writer.reopen()
    writer.put(first)
    assert ended(writer)
    writer.put(second)
    assert ended(writer)

    assert (tmp_path / "old").read_text() == "zero\nfirst\n"
    assert path.read_text() == "second\n"


async def test_a_line_that_cannot_be_made_costs_that_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = Writer(LogFile(str(tmp_path / "log")), broken, 1000)

    writer.put(await an_exchange(status=0))
    writer.put(await an_exchange(status=1))

    assert ended(writer)
    assert (tmp_path / "log").read_text() == "-\n0.2\n"
    assert [record.getMessage() for record in caplog.records] == ["a line of the access log cannot be made"]
