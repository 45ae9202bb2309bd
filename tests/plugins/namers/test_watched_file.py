"""One file below a root: what is there, and how changes are noticed."""

import errno
import os
from pathlib import Path

import pytest

from mesh import Failed
from mesh_plugins.namers.watched_file import MAX_BYTES, Directory, Listed, Look, Missing, WatchedFile


def watched(root: Path, name: str = "web") -> WatchedFile:
    file = WatchedFile(os.fsencode(root), os.fsencode(root / name))
    file.own(lambda: None, lambda: None)
    file.watch(lambda: None)
    return file


def hosts(look: Look) -> list[str]:
    assert isinstance(look, Listed)
    return [endpoint.host for endpoint in look.content.endpoints]


def write(path: Path, *lines: str) -> None:
    path.write_text("".join(f"{line} 80\n" for line in lines))


def settle(file: WatchedFile) -> Look:
    """Look until there is no reason to look again soon, at most as often as it can take."""
    for _look in range(4):
        if not file.look():
            return file.value
    raise AssertionError("never settles")


def test_a_file_that_nobody_watches_is_looked_at_when_it_is_read(tmp_path: Path) -> None:
    file = WatchedFile(os.fsencode(tmp_path), os.fsencode(tmp_path / "web"))
    before = file.value

    write(tmp_path / "web", "10.0.0.1")

    assert before == Missing()
    assert hosts(file.value) == ["10.0.0.1"]


def test_what_is_there_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "dangling").symlink_to("nowhere")
    write(tmp_path / "web", "10.0.0.1")

    looks = [settle(watched(tmp_path, name)) for name in ("folder", "pipe", "loop", "dangling", "web/x", "x" * 300)]

    assert looks == [Directory(), Missing(), Missing(), Missing(), Missing(), Missing()]


def test_two_links_that_lead_to_each_other_are_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")

    assert settle(watched(tmp_path, "a")) == Missing()


def test_an_unchanged_file_is_read_twice_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "web", "10.0.0.1")
    file = watched(tmp_path)
    opened: list[object] = []
    real_open = open

    def noting_open(*args: object, **keywords: object) -> object:
        opened.append(args[0])
        return real_open(*args, **keywords)  # type: ignore[call-overload]  # passed through as they came

    monkeypatch.setattr("builtins.open", noting_open)

    looks = [file.look() for _look in range(5)]

    assert looks == [True, False, False, False, False]
    assert len(opened) == 2


@pytest.mark.parametrize("how", ["written in place", "renamed over", "linked anew"])
def test_a_change_is_noticed_however_it_is_made(tmp_path: Path, how: str) -> None:
    place, other = tmp_path / "web", tmp_path / "other"
    write(tmp_path / "first", "10.0.0.1")
    place.symlink_to("first") if how == "linked anew" else write(place, "10.0.0.1")
    file = watched(tmp_path)
    before = hosts(settle(file))

    write(place if how == "written in place" else other, "10.0.0.2")
    if how == "renamed over":
        other.rename(place)
    elif how == "linked anew":
        (tmp_path / "new").symlink_to("other")
        (tmp_path / "new").rename(place)

    assert before == ["10.0.0.1"]
    assert hosts(settle(file)) == ["10.0.0.2"]


def test_the_link_to_a_folder_may_be_swapped_as_kubernetes_does(tmp_path: Path) -> None:
    for version in ("..1", "..2"):
        (tmp_path / version).mkdir()
        write(tmp_path / version / "web", f"10.0.0.{version[-1]}")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "web").symlink_to("..data/web")
    file = watched(tmp_path)
    before = hosts(settle(file))

    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").rename(tmp_path / "..data")

    assert before == ["10.0.0.1"]
    assert hosts(settle(file)) == ["10.0.0.2"]


def test_a_second_change_that_left_no_trace_is_found_at_the_next_look(tmp_path: Path) -> None:
    place = tmp_path / "web"
    write(place, "10.0.0.1")
    file = watched(tmp_path)
    settle(file)

    write(place, "10.0.0.2")
    file.look()
    seen = os.stat(place)
    write(place, "10.0.0.3")
    os.utime(place, ns=(seen.st_atime_ns, seen.st_mtime_ns))  # only the time of the change of its node may differ

    assert hosts(settle(file)) == ["10.0.0.3"]


def test_a_file_that_vanished_or_was_emptied_is_believed_at_the_second_look(tmp_path: Path) -> None:
    place = tmp_path / "web"
    write(place, "10.0.0.1")
    file = watched(tmp_path)
    settle(file)
    seen: list[Look] = []

    place.write_text("")
    assert file.look()
    seen.append(file.value)
    settle(file)
    emptied = hosts(file.value)
    write(place, "10.0.0.1")
    settle(file)
    place.unlink()
    assert file.look()
    seen.append(file.value)

    assert [hosts(look) for look in seen] == [["10.0.0.1"], ["10.0.0.1"]]
    assert emptied == []
    assert settle(file) == Missing()


def test_a_file_that_is_removed_and_written_between_two_looks_never_vanishes(tmp_path: Path) -> None:
    place = tmp_path / "web"
    write(place, "10.0.0.1")
    file = watched(tmp_path)
    settle(file)
    told: list[Look] = []
    file.watch(lambda: told.append(file.value))

    place.unlink()
    file.look()
    write(place, "10.0.0.2")
    settle(file)
    place.unlink()
    file.look()

    assert [hosts(look) for look in told] == [["10.0.0.2"]]


def test_of_a_first_content_the_good_lines_count_and_the_bad_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "web").write_text("10.0.0.1 80\nnonsense\n")
    file = watched(tmp_path)

    look = settle(file)

    assert hosts(look) == ["10.0.0.1"]
    assert [record.getMessage() for record in caplog.records] == [f"{tmp_path}/web: malformed address: nonsense"]


def test_of_a_later_content_nothing_counts_if_a_line_is_bad(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "web"
    write(place, "10.0.0.1")
    file = watched(tmp_path)
    settle(file)

    place.write_text("10.0.0.2 80\nnonsense\n")
    stale = settle(file)
    write(place, "10.0.0.1")
    back = settle(file)

    assert hosts(stale) == hosts(back) == ["10.0.0.1"]
    assert isinstance(stale, Listed)
    assert isinstance(back, Listed)
    assert (stale.stale, back.stale) == (f"{place}: malformed address: nonsense", "")
    assert len(caplog.records) == 1


def test_a_content_without_a_good_line_is_a_failure_until_there_is_one(tmp_path: Path) -> None:
    place = tmp_path / "web"
    place.write_text("nonsense\n")
    file = watched(tmp_path)
    first = settle(file)

    place.write_text("10.0.0.1 80\nnonsense\n")

    assert first == Failed(f"{place}: malformed address: nonsense")
    assert hosts(settle(file)) == ["10.0.0.1"]


def test_a_file_that_is_too_large_is_a_failure_or_leaves_the_last_content(tmp_path: Path) -> None:
    place = tmp_path / "web"
    place.write_text("#" * (MAX_BYTES + 1))
    file = watched(tmp_path)
    first = settle(file)
    place.write_text("#" * (MAX_BYTES - 12) + "\n10.0.0.1 80")
    second = settle(file)
    place.write_text("10.0.0.2 80\n" + "#" * MAX_BYTES)
    third = settle(file)

    assert first == Failed(f"{place}: more than 500000 bytes")
    assert hosts(second) == hosts(third) == ["10.0.0.1"]
    assert isinstance(third, Listed)
    assert third.stale == f"{place}: more than 500000 bytes"


def test_a_link_that_leads_outside_is_nothing_and_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = tmp_path / "disco"
    root.mkdir()
    write(tmp_path / "secret", "10.0.0.1")
    write(tmp_path / "disco-secret", "10.0.0.1")
    (root / "one").symlink_to("../secret")
    (root / "two").symlink_to(tmp_path / "disco-secret")
    (root / "up").symlink_to("..")

    looks = [settle(watched(root, name)) for name in ("one", "two", "up/secret")]

    assert looks == [Missing(), Missing(), Missing()]
    assert f"{root}/one: leads outside {root}, so it is not there" in caplog.text


def test_a_root_that_is_a_link_itself_may_be_swapped(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version).mkdir()
        write(tmp_path / version / "web", f"10.0.0.{version}")
    root = tmp_path / "disco"
    root.symlink_to("1")
    file = watched(root)
    before = hosts(settle(file))

    (tmp_path / "new").symlink_to("2")
    (tmp_path / "new").rename(root)

    assert before == ["10.0.0.1"]
    assert hosts(settle(file)) == ["10.0.0.2"]


def test_the_last_content_stays_when_the_root_is_gone(tmp_path: Path) -> None:
    root = tmp_path / "disco"
    root.mkdir()
    write(root / "web", "10.0.0.1")
    file, missing = watched(root), watched(root, "missing")
    settle(file)

    root.rename(tmp_path / "away")
    gone = settle(file)
    (tmp_path / "away").rename(root)
    back = settle(file)

    assert isinstance(gone, Listed)
    assert isinstance(back, Listed)
    assert (hosts(gone), gone.stale) == (["10.0.0.1"], f"{root}: the directory is gone")
    assert (hosts(back), back.stale) == (["10.0.0.1"], "")
    assert settle(missing) == Missing()


def test_a_file_that_must_not_be_read_is_a_failure_until_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "web", "10.0.0.1")

    def refuse(*_args: object, **_keywords: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patched:  # whoever runs the tests may be allowed to read everything
        patched.setattr("builtins.open", refuse)
        file = watched(tmp_path)
        first = settle(file)

    assert first == Failed(f"{tmp_path}/web: Permission denied")
    assert hosts(settle(file)) == ["10.0.0.1"]
