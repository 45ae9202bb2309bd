"""The io.l5d.fs namer: a directory of files that list endpoints."""

import gc
import os
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path as FilePath

import pytest
import trio
import trio.testing

from mesh import NEG, Addr, AddrBound, AddrFailed, AddrNeg, BoundName, ConfigError, Endpoint, Leaf, Life, Looked, Path
from mesh_plugins.namers.config import FsConfig
from mesh_plugins.namers.fs import LOOK_SECONDS, LOOKS_AT_A_TIME, FsNamer

Clock = trio.testing.MockClock
PREFIX = Path.read("/#/io.l5d.fs")


def namer_of(root: FilePath, life: Life, resolve: Callable[[str], Awaitable[Sequence[str]]] | None = None) -> FsNamer:
    return FsNamer(FsConfig(str(root)), PREFIX, life, resolve)


def write(path: FilePath, *lines: str) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


def bound(looked: Looked) -> BoundName:
    assert isinstance(looked, Leaf)
    assert isinstance(looked.value, BoundName)
    return looked.value


def addr_of(*hosts: str) -> Addr:
    return AddrBound(tuple(Endpoint(host, 80) for host in hosts))


async def test_a_file_is_bound_at_once_and_the_rest_is_residual(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "default", "127.0.0.1 8080", "127.0.0.1 8081 * 0.23")

    name = bound(namer_of(tmp_path, life).lookup(Path.read("/default/a/b")).value)

    assert (name.id, name.residual) == (Path.read("/#/io.l5d.fs/default"), Path.read("/a/b"))
    assert name.addr.value == AddrBound((Endpoint("127.0.0.1", 8080), Endpoint("127.0.0.1", 8081, 0.23)))
    assert [endpoint.weight for endpoint in endpoints(name)] == [1.0, 0.23]


def endpoints(name: BoundName) -> tuple[Endpoint, ...]:
    addr = name.addr.value
    assert isinstance(addr, AddrBound)
    return addr.endpoints


async def test_a_name_is_matched_as_deep_as_directories_go(tmp_path: FilePath, life: Life) -> None:
    (tmp_path / "team" / "prod").mkdir(parents=True)
    write(tmp_path / "team" / "prod" / "web", "10.0.0.1 80")
    namer = namer_of(tmp_path, life)

    answers = [
        namer.lookup(Path.read(path)).value for path in ("/team/prod/web/x", "/team/prod", "/team", "/team/x", "/")
    ]

    assert str(bound(answers[0]).id) == "/#/io.l5d.fs/team/prod/web"
    assert answers[1:] == [NEG, NEG, NEG, NEG]


@pytest.mark.parametrize(
    "elems",
    [
        (b"..", b"secret"),
        (b"../secret",),
        (b"folder", b"..", b"..", b"secret"),
        (b".", b"web"),
        (b"./web",),
        (b"/etc/passwd",),
        (b"web\0",),
        (b"folder/../web",),
        (b"x" * 5000,),
        (b"\xff\xfe",),
    ],
)
async def test_a_name_never_leaves_the_root(tmp_path: FilePath, life: Life, elems: tuple[bytes, ...]) -> None:
    root = tmp_path / "disco"
    (root / "folder").mkdir(parents=True)
    write(tmp_path / "secret", "10.0.0.1 80")
    write(root / "web", "10.0.0.1 80")

    assert namer_of(root, life).lookup(Path(elems)).value == NEG


async def test_any_bytes_may_stand_in_the_residual(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "web", "10.0.0.1 80")

    name = bound(namer_of(tmp_path, life).lookup(Path((b"web", b"..", b"a/b", b"\xff"))).value)

    assert name.residual == Path((b"..", b"a/b", b"\xff"))


async def test_a_file_without_endpoints_is_bound_to_none(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "web", "# nobody")

    assert bound(namer_of(tmp_path, life).lookup(Path.read("/web")).value).addr.value == AddrBound(())


async def test_a_first_content_that_cannot_be_used_is_bound_and_failed(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "web", "nonsense")

    name = bound(namer_of(tmp_path, life).lookup(Path.read("/web")).value)

    assert name.addr.value == AddrFailed(f"{tmp_path}/web: malformed address: nonsense")


@pytest.mark.parametrize("name", ["missing", "file"])
def test_the_root_must_be_a_directory_when_the_stack_file_is_read(tmp_path: FilePath, name: str) -> None:
    write(tmp_path / "file", "")

    with pytest.raises(ConfigError) as refused:
        namer_of(tmp_path / name, Life(None))

    (problem,) = refused.value.problems
    assert (problem.key, problem.message) == ("rootDir", f"{tmp_path}/{name} is not a directory")


async def test_changes_reach_who_watches_within_a_second(tmp_path: FilePath, life: Life, autojump_clock: Clock) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    answer = namer_of(tmp_path, life).lookup(Path.read("/web"))
    answer.watch(lambda: None)
    addr = bound(answer.value).addr
    addr.watch(lambda: None)
    seen: list[tuple[Looked, Addr]] = []

    changes: list[list[str] | None] = [["10.0.0.1 80", "10.0.0.2 80"], [], None, ["10.0.0.3 80"]]
    for lines in changes:
        if lines is None:
            (tmp_path / "web").unlink()
        else:
            write(tmp_path / "web", *lines)
        await trio.sleep(1)
        seen.append((answer.value, addr.value))

    leaf = Leaf(BoundName(PREFIX + Path.read("/web"), Path(), addr))
    assert seen == [
        (leaf, addr_of("10.0.0.1", "10.0.0.2")),
        (leaf, addr_of()),
        (NEG, AddrNeg()),
        (leaf, addr_of("10.0.0.3")),
    ]


async def test_a_file_that_appears_or_becomes_a_directory_is_noticed(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    answer = namer_of(tmp_path, life).lookup(Path.read("/team/web"))
    answer.watch(lambda: None)
    seen = [str(answer.value)]

    write(tmp_path / "team", "10.0.0.1 80")
    await trio.sleep(1)
    seen.append(str(bound(answer.value).id))
    (tmp_path / "team").unlink()
    (tmp_path / "team").mkdir()
    write(tmp_path / "team" / "web", "10.0.0.1 80")
    await trio.sleep(1)
    seen.append(str(bound(answer.value).id))

    assert seen == ["~", "/#/io.l5d.fs/team", "/#/io.l5d.fs/team/web"]


async def test_an_update_of_addresses_leaves_the_tree_alone(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    answer = namer_of(tmp_path, life).lookup(Path.read("/web"))
    told: list[Looked] = []
    answer.watch(lambda: told.append(answer.value))

    write(tmp_path / "web", "10.0.0.2 80")
    await trio.sleep(1)

    assert told == []
    assert bound(answer.value).addr.value == addr_of("10.0.0.2")


async def test_a_changed_weight_reaches_who_watches(tmp_path: FilePath, life: Life, autojump_clock: Clock) -> None:
    write(tmp_path / "web", "10.0.0.1 80 * 1")
    addr = bound(namer_of(tmp_path, life).lookup(Path.read("/web")).value).addr
    told: list[Addr] = []
    addr.watch(lambda: told.append(addr.value))

    write(tmp_path / "web", "10.0.0.1 80 * 3")
    await trio.sleep(1)

    assert len(told) == 1


async def test_a_spoilt_file_leaves_the_last_content_and_says_that_it_is_stale(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    addr = bound(namer_of(tmp_path, life).lookup(Path.read("/web")).value).addr
    addr.watch(lambda: None)

    write(tmp_path / "web", "10.0.0.2 80", "nonsense")
    await trio.sleep(1)

    assert addr.value == AddrBound((Endpoint("10.0.0.1", 80),), stale=f"{tmp_path}/web: malformed address: nonsense")


async def test_hosts_in_a_file_are_resolved(tmp_path: FilePath, life: Life, autojump_clock: Clock) -> None:
    async def resolve(host: str) -> Sequence[str]:
        return {"web.test": ["10.0.0.1", "10.0.0.2"]}[host]

    write(tmp_path / "web", "web.test 80 * 2", "10.0.0.9 80")
    addr = bound(namer_of(tmp_path, life, resolve).lookup(Path.read("/web")).value).addr
    unwatch = addr.watch(lambda: None)

    await trio.sleep(0.1)
    resolved = addr.value
    unwatch()
    await trio.sleep(10)

    expected = (Endpoint("10.0.0.1", 80, 2), Endpoint("10.0.0.2", 80, 2), Endpoint("10.0.0.9", 80))
    assert resolved == AddrBound(expected)
    assert isinstance(resolved, AddrBound)
    assert [endpoint.weight for endpoint in resolved.endpoints] == [2, 2, 1]


async def test_one_path_has_one_answer_as_long_as_somebody_holds_it(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    namer = namer_of(tmp_path, life)
    answer = namer.lookup(Path.read("/web"))
    addr = bound(answer.value).addr

    assert namer.lookup(Path.read("/web")) is answer
    assert bound(namer.lookup(Path.read("/web/x")).value).addr is addr


async def test_files_that_nobody_watches_are_neither_looked_at_nor_kept(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    namer = namer_of(tmp_path, life)
    namer.lookup(Path.read("/web")).watch(lambda: None)()
    gc.collect()

    await trio.sleep(1)

    assert not namer._watched
    assert not namer._files
    assert not namer._is_looking


async def test_looking_begins_again_with_the_next_watcher(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    namer = namer_of(tmp_path, life)
    answer = namer.lookup(Path.read("/web"))
    answer.watch(lambda: None)()
    await trio.sleep(1)
    answer.watch(lambda: None)

    write(tmp_path / "web", "10.0.0.1 80")
    await trio.sleep(1)

    assert bound(answer.value).addr.value == addr_of("10.0.0.1")


async def test_without_tasks_a_name_is_what_it_was_when_it_was_watched(tmp_path: FilePath) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    answer = namer_of(tmp_path, Life(None)).lookup(Path.read("/web"))

    answer.watch(lambda: None)

    assert bound(answer.value).addr.value == addr_of("10.0.0.1")


async def test_of_very_many_files_a_third_is_looked_at_each_time(
    tmp_path: FilePath, life: Life, autojump_clock: Clock
) -> None:
    namer = namer_of(tmp_path, life)
    count = LOOKS_AT_A_TIME * 3 + 2
    answers = [namer.lookup(Path.utf8(f"name{number}")) for number in range(count)]
    for answer in answers:
        answer.watch(lambda: None)
    for number in (0, 1, count // 2, count - 1):
        write(tmp_path / f"name{number}", "10.0.0.1 80")

    await trio.sleep(LOOK_SECONDS * 3.5)

    appeared = [number for number, answer in enumerate(answers) if answer.value != NEG]
    assert appeared == [0, 1, count // 2, count - 1]


def test_all_files_are_listed_but_for_hidden_ones_and_those_outside(tmp_path: FilePath) -> None:
    root = tmp_path / "disco"
    (root / "team" / "deep").mkdir(parents=True)
    (root / "..data").mkdir()
    for name in ("web", "team/api", "team/deep/db", "..data/hidden", "../outside"):
        write(root / name, "10.0.0.1 80")
    (root / "linked").symlink_to("..data/hidden")
    (root / "escape").symlink_to("../outside")
    (root / "circle").symlink_to(".")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")

    names = namer_of(root, Life(None)).names()

    assert [str(name) for name in names] == [
        f"/#/io.l5d.fs/{name}" for name in ("linked", "team/api", "team/deep/db", "web")
    ]


@pytest.mark.slow
async def test_a_change_is_effective_within_a_second_of_real_time(tmp_path: FilePath, life: Life) -> None:
    write(tmp_path / "web", "10.0.0.1 80")
    addr = bound(namer_of(tmp_path, life).lookup(Path.read("/web")).value).addr
    addr.watch(lambda: None)

    write(tmp_path / "new", "10.0.0.2 80")
    (tmp_path / "new").rename(tmp_path / "web")

    with trio.fail_after(1):
        await addr.wait(lambda now: now == addr_of("10.0.0.2"))
