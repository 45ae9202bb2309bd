"""Log files: opened late, rolled, and opened anew."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from mesh_plugins.access_log.logfile import LogFile
from mesh_plugins.access_log.rolling import RollPolicy

NOON = datetime(2016, 1, 6, 12).timestamp()
HOUR = 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def files(path: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in sorted(path.parent.iterdir())}


def write(file: LogFile, *lines: tuple[str, float]) -> None:
    for line, now in lines:
        file.write(f"{line}\n".encode(), now)


def test_no_file_is_opened_before_there_is_something_to_write(path: Path) -> None:
    LogFile(str(path)).close()

    assert files(path) == {}


@pytest.mark.parametrize(("append", "expected"), [(True, "before\nafter\nagain\n"), (False, "after\nagain\n")])
def test_a_file_is_appended_to_or_begun_anew_once(path: Path, append: bool, expected: str) -> None:
    path.write_text("before\n")
    file = LogFile(str(path), append=append)

    write(file, ("after", NOON))
    file.close()
    write(file, ("again", NOON))

    assert path.read_text() == expected


def test_a_file_is_begun_anew_once_in_a_process(path: Path) -> None:
    """A reload makes a writer of its own for a file that is written already."""
    path.write_text("before\n")

    for line in ("one", "two"):
        write(LogFile(str(path), append=False), (line, NOON))

    assert path.read_text() == "one\ntwo\n"


def test_a_file_is_rolled_at_its_time_under_the_time_it_was_opened(path: Path) -> None:
    file = LogFile(str(path), RollPolicy.read("hourly"))

    write(file, ("one", NOON), ("two", NOON + HOUR - 1), ("three", NOON + HOUR), ("four", NOON + 3 * HOUR))

    assert files(path) == {
        "access-20160106-12.log": "one\ntwo\n",
        "access-20160106-13.log": "three\n",
        "access.log": "four\n",
    }


def test_a_file_stays_within_its_size_and_no_rolled_one_is_lost(path: Path) -> None:
    file = LogFile(str(path), RollPolicy.read("10.bytes"))

    write(file, *((f"line{number}", NOON) for number in range(4)), ("longer than ten", NOON))

    assert files(path) == {
        "access-20160106-120000.1.log": "line1\n",
        "access-20160106-120000.2.log": "line2\n",
        "access-20160106-120000.3.log": "line3\n",
        "access-20160106-120000.log": "line0\n",
        "access.log": "longer than ten\n",
    }


def test_only_some_rolled_files_are_kept_and_no_others_are_touched(path: Path) -> None:
    (path.parent / "access-notes.log").write_text("mine")
    file = LogFile(str(path), RollPolicy.read("1.byte"), keep=2)

    write(file, *((f"line{number}", NOON + number) for number in range(5)))

    assert sorted(files(path)) == [
        "access-20160106-120002.log",
        "access-20160106-120003.log",
        "access-notes.log",
        "access.log",
    ]


def test_a_file_that_was_moved_away_is_left_within_a_second(path: Path) -> None:
    file = LogFile(str(path))

    write(file, ("one", NOON))
    path.rename(path.with_name("moved"))
    write(file, ("two", NOON + 0.5), ("three", NOON + 1))

    assert files(path) == {"access.log": "three\n", "moved": "one\ntwo\n"}


def test_a_file_that_another_writer_rolled_is_not_rolled_again(path: Path) -> None:
    one, other = (LogFile(str(path), RollPolicy.read("hourly")) for _number in range(2))

    write(one, ("a", NOON))
    write(other, ("b", NOON))
    write(one, ("c", NOON + HOUR))
    write(other, ("d", NOON + HOUR))

    assert files(path) == {"access-20160106-12.log": "a\nb\n", "access.log": "c\nd\n"}


def test_standard_output_is_written_to(capfd: pytest.CaptureFixture[str]) -> None:
    file = LogFile("/dev/stdout", RollPolicy.read("1.byte"))

    write(file, ("one", NOON), ("two", NOON + HOUR))
    file.close()

    assert capfd.readouterr().out == "one\ntwo\n"


def test_a_pipe_is_never_rolled(path: Path) -> None:
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    file = LogFile(str(path), RollPolicy.read("1.byte"))

    write(file, ("one", NOON), ("two", NOON + HOUR))

    assert os.read(reader, 100) == b"one\ntwo\n"
    os.close(reader)
    file.close()


def test_a_folder_that_went_away_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        LogFile(str(tmp_path / "none" / "log")).write(b"x\n", NOON)
