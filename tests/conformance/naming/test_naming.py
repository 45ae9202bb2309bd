"""What Finagle and linkerd bind names to, case by case, from the YAML files beside this one.

Answered otherwise on purpose: `bind-025`, an unknown class under `/$`, fails in linkerd's words (`Unknown namer: …`), not
in those of Java's class loader. And `localhost` is always 127.0.0.1.

The cases of transformers (transformer-005 and 007) are of those for Kubernetes, and come with them; so do the situations
under `later` in `hostile.yaml` with their kinds, and that of etcd with the storage of namerd.
"""

from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import pytest
import trio
import trio.testing
import yaml

from mesh import (
    EMPTY_DTAB,
    NEG,
    PENDING,
    Addr,
    AddrBound,
    AddrFailed,
    AddrNeg,
    BoundName,
    Dtab,
    Failed,
    Fixed,
    Leaf,
    Life,
    LocalInterpreter,
    Looked,
    NameSyntaxError,
    NameTree,
    Path,
    Pending,
    Readable,
    Union,
    Var,
)
from mesh.naming.binding import Binder
from mesh.naming.delegation import Delegate, DelegateAlt, DelegateNeg, Delegation, simplified, to_json
from mesh.naming.dtab import Dentry
from mesh.naming.namer import BoundTree
from mesh_plugins.namers.config import FsConfig, RewriteConfig
from mesh_plugins.namers.fs import FsNamer
from mesh_plugins.namers.hosts import Hosts, NoSuchHost
from mesh_plugins.namers.rewrite import RewriteNamer
from mesh_plugins.namers.system import SystemNamer
from mesh_plugins.registration import mesh_kinds

# A case's own shape depends on its group, so it is `Any` until the group's function takes it apart.
Case = Any

SYSTEM = SystemNamer(Path.read("/$"), Life(None))
MARKS = {"neg": "~", "fail": "!", "empty": "$"}


def cases(file: str, group: str) -> list[Case]:
    groups = yaml.safe_load((FilePath(__file__).parent / f"{file}.yaml").read_text())
    return [pytest.param(case["given"], case.get("expect"), id=case["id"]) for case in groups[group]]


def see(tree: BoundTree) -> Case:
    """Show a bound tree as the cases do."""
    match tree:
        case Pending():
            return "pending"
        case Failed():
            return "failed"
        case Leaf(name):
            return {"id": str(name.id), "residual": str(name.residual), "weight": name.weight}
        case Union(branches):
            return {"union": [{"weight": branch.weight, "tree": see(branch.tree)} for branch in branches]}
        case _:
            return str(tree)


def addresses(tree: BoundTree) -> list[str]:
    assert isinstance(tree, NameTree)
    found = []
    for name in tree.leaves():
        addr = name.addr.value
        assert isinstance(addr, AddrBound)
        found += [str(endpoint).replace("127.0.0.1", "localhost") for endpoint in addr.endpoints]
    return found


def bind(dtab: str, path: str) -> BoundTree:
    return LocalInterpreter(Fixed(Dtab.read(dtab)), (), SYSTEM).bind(EMPTY_DTAB, Path.read(path)).value


def dtab_of(given: Case) -> str:
    if "dtab" in given:
        return str(given["dtab"])
    last = given["renames"]
    return ";".join([*(f"/n{number}=>/n{number + 1}" for number in range(last)), f"/n{last}=>/$/inet/1"])


@pytest.mark.parametrize(("given", "expect"), cases("finagle", "bind") + cases("neighbours", "bind"))
def test_names_are_bound_as_finagle_binds_them(given: Case, expect: Case) -> None:
    tree = bind(dtab_of(given), given["path"])

    if expect["state"] == "failed":
        assert isinstance(tree, Failed)
        assert expect["exc"]["error"] in tree.cause
    else:
        assert isinstance(tree, NameTree)
        assert see(tree) == expect["tree"]
        leaves = tree.eval()
        assert (None if leaves is None else sorted(str(name.id) for name in leaves)) == expect["eval"]


@pytest.mark.parametrize(("given", "expect"), cases("finagle", "global_namer") + cases("neighbours", "global_namer"))
def test_system_names_are_bound_as_finagle_binds_them(given: Case, expect: Case) -> None:
    if "error" in expect:
        with pytest.raises(NameSyntaxError) as refused:
            Path.read(given["path"])
        assert str(refused.value) == expect["error"]
    else:
        assert see(bind("", given["path"])) == expect["tree"]


@pytest.mark.parametrize(("given", "expect"), cases("finagle", "bind_max_depth_override"))
def test_the_depth_can_be_set(given: Case, expect: Case) -> None:
    binder = Binder(Fixed(Dtab.read(given["dtab"])), [], SYSTEM, max_depth=given["max_depth"])

    tree = binder.bind(EMPTY_DTAB, Path.read(given["path"])).value

    assert tree == Failed(expect["exc"]["error"])


class Answers:
    """A namer for all paths but the system's; each is pending until it is set."""

    def __init__(self) -> None:
        self.answers: dict[Path, Var[Looked]] = {}

    def set(self, path: str, answer: str) -> None:
        words: dict[str, Looked] = {"FAILED": Failed("test"), "error": Failed("test"), "pending": PENDING}
        self._answer(Path.read(path)).set(words[answer] if answer in words else NameTree.read(answer))

    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed(NEG) if path.startswith(Path.read("/$")) else self._answer(path)

    def _answer(self, path: Path) -> Var[Looked]:
        return self.answers.setdefault(path, Var(PENDING))


@pytest.mark.parametrize(("given", "_expect"), cases("finagle", "bind_sequence"))
def test_a_binding_follows_its_names_as_in_finagle(given: Case, _expect: Case) -> None:
    answers = Answers()
    binding = Binder(Fixed(EMPTY_DTAB), [(Path(), answers)], SYSTEM).bind_tree(EMPTY_DTAB, NameTree.read(given["tree"]))
    binding.watch(lambda: None)
    seen = []

    for step in given["steps"]:
        if "set" in step:
            answers.set(step["set"], step["to"])
        seen.append(see(binding.value))

    assert seen == [step["expect"] for step in given["steps"]]


def check_bound(tree: BoundTree, expect: Case) -> None:
    match expect:
        case {"error": True}:
            assert isinstance(tree, Failed)
        case {"result": word}:
            assert str(tree) == MARKS[word]
        case {"addresses": expected}:
            assert addresses(tree) == expected
            assert isinstance(tree, Leaf)
            assert str(tree.value.id) == expect.get("id", str(tree.value.id))
            assert str(tree.value.residual) == expect.get("residual", str(tree.value.residual))


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "bind"))
def test_names_are_bound_as_linkerd_binds_them(given: Case, expect: Case) -> None:
    check_bound(bind(given["dtab"], given["path"]), expect)


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "bind_tree"))
def test_trees_are_bound_as_linkerd_binds_them(given: Case, expect: Case) -> None:
    answers = Answers()
    for path, answer in given.get("namer_answers", {}).items():
        answers.set(path, answer)

    tree = (
        Binder(Fixed(EMPTY_DTAB), [(Path(), answers)], SYSTEM).bind_tree(EMPTY_DTAB, NameTree.read(given["tree"])).value
    )

    check_bound(tree, expect)


class Erring:
    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed(Failed(f"error naming {Path.read('/#/error') + path}"))


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "delegate"))
def test_delegations_are_shown_as_linkerd_shows_them(given: Case, expect: Case) -> None:
    interpreter = LocalInterpreter(Fixed(EMPTY_DTAB), [(Path.read("/#/error"), Erring())], SYSTEM)

    tree = interpreter.delegate(Dtab.read(given["dtab"]), Path.read(given["path"])).value

    assert to_json(tree) == expect["json"]


def delegation_of(encoded: Case) -> Delegation:
    ((kind, node),) = encoded.items()
    path, dentry = Path.read(node["path"]), Dentry.read(node["dentry"])
    match kind:
        case "alt":
            return DelegateAlt(path, dentry, tuple(map(delegation_of, node["trees"])))
        case "delegate":
            return Delegate(path, dentry, delegation_of(node["tree"]))
        case "neg":
            return DelegateNeg(path, dentry)
    raise AssertionError(f"a node of unknown kind: {kind}")


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "simplify"))
def test_delegations_are_simplified_as_in_linkerd(given: Case, expect: Case) -> None:
    assert simplified(delegation_of(given["tree"])) == delegation_of(expect["tree"])


def looked_up(answer: Looked) -> Case:
    match answer:
        case Leaf(Path() as path):
            return {"leaf_path": str(path)}
        case _:
            return {"result": next(word for word, mark in MARKS.items() if mark == str(answer))}


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "system_lookup"))
def test_names_are_rewritten_as_linkerd_rewrites_them(given: Case, expect: Case) -> None:
    path = Path.read(given["path"])

    assert looked_up(SYSTEM.lookup(path[1:]).value) == expect


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "rewrite"))
def test_the_rewrite_namer_answers_as_linkerds(given: Case, expect: Case) -> None:
    config = RewriteConfig(given["namer"]["pattern"], given["namer"]["name"])
    namer = RewriteNamer(config, Path.read("/#/rewrite"), Life(None))

    assert looked_up(namer.lookup(Path.read(given["path"])).value) == expect


class Binding:
    """Binds everything under its prefix to its prefix, as linkerd's test namers do."""

    def __init__(self, prefix: Path) -> None:
        self.prefix = prefix

    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed(Leaf(BoundName(self.prefix, path, Fixed(AddrNeg()))))


@pytest.mark.parametrize(("given", "expect"), cases("linkerd", "namer_order"))
def test_namers_are_asked_in_linkerds_order(given: Case, expect: Case) -> None:
    prefixes = [Path.read("/#") + Path.read(namer["prefix"]) for namer in given["namers"]]
    interpreter = LocalInterpreter(Fixed(EMPTY_DTAB), [(prefix, Binding(prefix)) for prefix in prefixes], SYSTEM)

    shown = see(interpreter.bind(EMPTY_DTAB, Path.read(given["path"])).value)

    assert (shown["id"], shown["residual"]) == (expect["id"], expect["residual"])


@pytest.mark.parametrize(("given", "expect"), cases("hostile", "dtab"))
def test_no_dtab_makes_a_binding_hang_or_crash(given: Case, expect: Case) -> None:
    tree = bind(given["dtab"], given["path"])

    if "error" in expect:
        assert isinstance(tree, Failed)
        assert expect["error"] in tree.cause
    else:
        check_bound(tree, expect)


@pytest.mark.parametrize(("given", "expect"), cases("hostile", "fs"))
def test_no_name_leads_out_of_the_directory(tmp_path: FilePath, given: Case, expect: Case) -> None:
    root = tmp_path / "disco"
    root.mkdir()
    for name, content in given.get("files", {}).items():
        (root / name).resolve().parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    for name, target in given.get("links", {}).items():
        (root / name).symlink_to(target)
    namer = FsNamer(FsConfig(str(root)), Path.read("/#/io.l5d.fs"), Life(None))

    answer = namer.lookup(Path(tuple(map(str.encode, given["name"])))).value

    assert looked_up(answer) == expect


@pytest.mark.parametrize(("given", "expect"), cases("hostile", "dns"))
async def test_a_resolver_that_fails_does_not_take_endpoints_away(
    given: Case, expect: Case, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    answers = list(given["answers"])

    async def resolve(host: str) -> Sequence[str]:
        answer = answers.pop(0) if answers else given["answers"][-1]
        if answer == "nxdomain":
            raise NoSuchHost(host)
        if answer == "servfail":
            raise OSError("server failure")
        if answer == "timeout":
            await trio.sleep_forever()
        return [answer]

    addr = Hosts(Life(nursery), resolve).addr("web.test", 80)
    seen: list[str] = []
    addr.watch(lambda: seen.append(shown_addr(addr.value)))

    await trio.sleep(60)

    assert seen == list(dict.fromkeys(expect["states"]))


def shown_addr(addr: Addr) -> str:
    match addr:
        case AddrBound(endpoints):
            return ", ".join(endpoint.host for endpoint in endpoints) + (" stale" if addr.stale else "")
        case AddrFailed():
            return "failed"
        case _:
            return type(addr).__name__.removeprefix("Addr").lower()


def test_situations_that_wait_for_a_kind_are_of_kinds_that_are_not_built_yet() -> None:
    later = yaml.safe_load((FilePath(__file__).parent / "hostile.yaml").read_text())["later"]
    waited = {case["kind"] for case in later if "kind" in case}

    built = {kind.name for kind in mesh_kinds() if kind.built}

    assert waited & built == set()
