"""What is made of files, while they change."""

import logging
import os
import pathlib
from collections.abc import Mapping

import pytest
import trio
import trio.testing

from mesh.tls import UnusableFilesError
from mesh.tls.reloading import MAX_BYTES, Reloading


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    for name in ("cert", "key"):
        (tmp_path / name).write_text("1")
    return tmp_path


def make(contents: Mapping[str, bytes]) -> str:
    """Return the one text that all files hold."""
    if len(set(contents.values())) > 1:
        raise ValueError("the files do not belong together")
    return next(iter(contents.values())).decode()


def reloading(folder: pathlib.Path) -> Reloading[str]:
    return Reloading("the pair", [str(folder / "cert"), str(folder / "key")], make)


def write(folder: pathlib.Path, text: str) -> None:
    for name in ("cert", "key"):
        (folder / name).write_text(text)


def rename_over(folder: pathlib.Path, text: str) -> None:
    for name in ("cert", "key"):
        (folder / "new").write_text(text)
        (folder / "new").rename(folder / name)


def swap_link(folder: pathlib.Path, text: str) -> None:
    """Do as Kubernetes does: the files are links into a directory behind a link that is swapped."""
    target = folder / f"data-{text}"
    target.mkdir()
    for name in ("cert", "key"):
        (target / name).write_text(text)
    (folder / "..new").symlink_to(target)
    os.replace(folder / "..new", folder / "..data")
    for name in ("cert", "key"):
        if not (folder / name).is_symlink():
            (folder / name).unlink()
            (folder / name).symlink_to(pathlib.Path("..data") / name)


@pytest.mark.parametrize("change", [write, rename_over, swap_link])
async def test_a_change_is_noticed_within_a_second(
    folder: pathlib.Path, change: object, autojump_clock: trio.testing.MockClock
) -> None:
    assert callable(change)
    value = reloading(folder)
    seen = [value.current()]

    for text in ("2", "3"):
        change(folder, text)
        await trio.sleep(1)
        seen.append(value.current())

    assert (seen, value.reloads, value.problem) == (["1", "2", "3"], 2, "")


async def test_the_files_are_not_looked_at_more_often(
    folder: pathlib.Path, autojump_clock: trio.testing.MockClock
) -> None:
    value = reloading(folder)
    value.current()

    write(folder, "2")
    await trio.sleep(0.9)

    assert value.current() == "1"


async def test_a_bad_file_keeps_the_last_good_value_and_says_so_once(
    folder: pathlib.Path, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    value = reloading(folder)
    value.current()

    (folder / "key").write_text("garbage")
    for _look in range(5):
        await trio.sleep(1)
        assert value.current() == "1"

    assert (value.problem, value.failures) == ("the files do not belong together", 1)
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING] == [
        "the pair: the files do not belong together; the last good files stay in use"
    ]


async def test_a_pair_that_is_replaced_one_file_after_the_other_is_no_failure(
    folder: pathlib.Path, autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    value = reloading(folder)
    value.current()

    (folder / "cert").write_text("2")
    await trio.sleep(1)
    between = value.current()
    (folder / "key").write_text("2")
    await trio.sleep(1)

    assert (between, value.current(), value.failures) == ("1", "2", 0)
    assert [record for record in caplog.records if record.levelno == logging.WARNING] == []


async def test_files_that_are_good_again_are_used(folder: pathlib.Path, autojump_clock: trio.testing.MockClock) -> None:
    value = reloading(folder)
    value.current()
    (folder / "key").unlink()
    for _look in range(2):
        await trio.sleep(1)
        value.current()
    assert value.problem == f"{folder}/key: No such file or directory"

    (folder / "key").write_text("1")
    await trio.sleep(1)

    assert (value.current(), value.problem, value.reloads) == ("1", "", 0)


async def test_a_change_that_leaves_no_trace_in_the_times_is_noticed_too(
    folder: pathlib.Path, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    value = reloading(folder)
    value.current()
    times = os.stat(folder / "cert")
    real = os.stat
    monkeypatch.setattr(os, "stat", lambda path: times if str(path).startswith(str(folder)) else real(path))

    write(folder, "2")
    await trio.sleep(1)

    assert value.current() == "2"


async def test_files_that_were_never_good_are_named(folder: pathlib.Path) -> None:
    (folder / "cert").unlink()

    with pytest.raises(UnusableFilesError, match=r"/cert: No such file or directory$"):
        reloading(folder).current()


async def test_a_file_without_end_is_refused(folder: pathlib.Path) -> None:
    os.truncate(folder / "cert", MAX_BYTES + 1)

    with pytest.raises(UnusableFilesError, match=f"more than {MAX_BYTES} bytes"):
        reloading(folder).current()
