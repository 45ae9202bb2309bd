"""Binding paths by dtab and namers: what comes out, when it is computed, and what hostile dtabs can do."""

from collections.abc import Callable

import pytest

from mesh.endpoint import Addr, AddrBound, AddrFailed, AddrPending, Endpoint
from mesh.naming.binding import Binder, DtabState
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.namer import PENDING, BoundName, BoundTree, Failed, Looked, Namer
from mesh.naming.path import Path
from mesh.naming.tree import EMPTY, FAIL, NEG, Leaf, Union, Weighted
from mesh.var import Computed, Fixed, Readable, Var
from tests.work import counted

MOST_CALLS = 2_000_000  # for a dtab that was made to explode: some half a second


class Catalogue:
    """A namer of names that tests set; the first element is the name, the rest residual, what was not set is negative."""

    def __init__(self, prefix: str = "/#/c") -> None:
        self.prefix = Path.read(prefix)
        self.answers: dict[bytes, Var[Looked]] = {}
        self.addrs: dict[bytes, Var[Addr]] = {}

    def set(self, name: str, answer: Looked) -> None:
        self._answer(name.encode()).set(answer)

    def bind(self, name: str, *hosts: str) -> None:
        addr = self.addrs.setdefault(name.encode(), Var(AddrPending()))
        if hosts:
            addr.set(AddrBound(tuple(Endpoint(host, 80) for host in hosts)))
        self.set(name, Leaf(self.bound(name)))

    def bound(self, name: str, weight: float | None = None) -> BoundName:
        return BoundName(self.prefix + Path.utf8(name), Path(), self.addrs[name.encode()], weight)

    def lookup(self, path: Path) -> Readable[Looked]:
        return self._answer(path[0]) if path else Fixed(NEG)

    def _answer(self, name: bytes) -> Var[Looked]:
        return self.answers.setdefault(name, Var(NEG))


def binding_of(dtab: str, catalogue: Catalogue, path: str = "/svc", local: str = "") -> Computed[BoundTree]:
    binder = Binder(Fixed(Dtab.read(dtab)), [(catalogue.prefix, catalogue)])
    return binder.bind(Dtab.read(local), Path.read(path))


def counting(source: Readable[BoundTree]) -> Callable[[], int]:
    told = [0]

    def watcher() -> None:
        told[0] += 1

    source.watch(watcher)
    return lambda: told[0]


def test_a_name_is_rewritten_until_a_namer_binds_it() -> None:
    catalogue = Catalogue()
    catalogue.bind("web")

    tree = binding_of("/srv => /#/c; /svc => /srv/web", catalogue).value

    assert tree == Leaf(catalogue.bound("web"))


def test_a_dentry_comes_before_a_namer() -> None:
    catalogue = Catalogue()
    catalogue.bind("web")
    catalogue.bind("other")

    tree = binding_of("/#/c/web => /#/c/other", catalogue, "/#/c/web").value

    assert tree == Leaf(catalogue.bound("other"))


def test_a_namer_may_answer_with_a_path_which_is_looked_up_in_turn() -> None:
    catalogue = Catalogue()
    catalogue.bind("web")
    catalogue.set("alias", Leaf(Path.read("/svc/web")))

    tree = binding_of("/svc => /#/c", catalogue, "/svc/alias").value

    assert tree == Leaf(catalogue.bound("web"))


def test_an_alternate_moves_on_from_neg_only() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    binding = binding_of("/svc => /#/c/a | /#/c/b", catalogue)
    answers: list[Looked] = [NEG, PENDING, Failed("down"), FAIL, EMPTY]

    outcomes = []
    for answer in answers:
        catalogue.set("a", answer)
        outcomes.append(binding.value)

    assert outcomes == [Leaf(catalogue.bound("b")), PENDING, Failed("down"), FAIL, EMPTY]


def test_a_union_shrinks_to_the_branches_that_are_ready() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    binding = binding_of("/svc => 3 * /#/c/a & 1 * /#/c/b", catalogue)
    alone: BoundTree = Leaf(catalogue.bound("b"))

    outcomes = []
    for answer in (NEG, PENDING, Failed("down"), FAIL):
        catalogue.set("a", answer)
        outcomes.append(binding.value)
    catalogue.bind("a")

    assert outcomes == [alone] * 4
    assert binding.value == Union(
        (Weighted(3.0, Leaf(catalogue.bound("a"))), Weighted(1.0, Leaf(catalogue.bound("b"))))
    )


def test_a_union_is_the_branch_that_alone_has_an_answer_even_if_that_is_to_fail() -> None:
    catalogue = Catalogue()
    catalogue.set("a", FAIL)
    catalogue.set("b", Failed("down"))

    assert binding_of("/svc => /#/c/a & /#/c/b | /#/c/c", catalogue).value == FAIL


def test_a_leaf_knows_the_weight_of_the_nearest_union_even_if_that_shrank_to_it() -> None:
    catalogue = Catalogue()
    catalogue.bind("a")

    tree = binding_of("/svc => 3 * /#/c/a & 1 * ~", catalogue).value

    assert isinstance(tree, Leaf)
    assert tree.value.weight == 3.0


def test_an_empty_branch_keeps_its_share_of_a_union() -> None:
    catalogue = Catalogue()
    catalogue.bind("a")

    tree = binding_of("/svc => /#/c/a & $", catalogue).value

    assert tree == Union((Weighted(1.0, Leaf(catalogue.bound("a"))), Weighted(1.0, EMPTY)))


def test_weights_of_zero_bind_to_negative_when_nothing_is_there() -> None:
    tree = binding_of("/a => 0 * /b & 0 * /c", Catalogue(), "/a").value

    assert tree == NEG


def test_weights_of_zero_bind_like_any_other_when_something_is_there() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    catalogue.bind("c")

    tree = binding_of("/a => 0 * /#/c/b & 0 * /#/c/c", catalogue, "/a").value

    assert tree == Union((Weighted(0.0, Leaf(catalogue.bound("b"))), Weighted(0.0, Leaf(catalogue.bound("c")))))


def test_the_override_is_stronger_than_the_base() -> None:
    catalogue = Catalogue()
    catalogue.bind("web")
    catalogue.bind("canary", "10.0.0.9")

    tree = binding_of("/svc => /#/c/web", catalogue, local="/svc => /#/c/canary").value

    assert tree == Leaf(catalogue.bound("canary"))


@pytest.mark.parametrize("state", [PENDING, Failed("does not parse")])
def test_a_dtab_that_is_not_there_gives_its_state_to_every_binding(state: DtabState) -> None:
    binding = Binder(Fixed(state), []).bind(EMPTY_DTAB, Path.read("/svc"))

    assert binding.value == state


def test_a_new_dtab_reaches_the_bindings() -> None:
    catalogue = Catalogue()
    catalogue.bind("a")
    dtab: Var[DtabState] = Var(PENDING)
    binding = Binder(dtab, [(catalogue.prefix, catalogue)]).bind(EMPTY_DTAB, Path.read("/svc"))
    told = counting(binding)
    seen = [binding.value]

    dtab.set(EMPTY_DTAB)
    seen.append(binding.value)
    dtab.set(Dtab.read("/svc => /#/c/a"))
    seen.append(binding.value)

    assert seen == [PENDING, NEG, Leaf(catalogue.bound("a"))]
    assert told() == 2


def test_a_binding_is_computed_when_what_it_read_changes_and_only_then() -> None:
    catalogue = Catalogue()
    catalogue.bind("a", "10.0.0.1")
    catalogue.bind("b")
    binding = binding_of("/svc => /#/c/a | /#/c/b", catalogue)
    told = counting(binding)
    asked: list[bytes] = []
    lookup = catalogue.lookup

    def noting(path: Path) -> Readable[Looked]:
        asked.append(path[0])
        return lookup(path)

    catalogue.lookup = noting  # type: ignore[method-assign]  # counts the computations from outside

    catalogue.bind("a", "10.0.0.2")
    catalogue.set("b", NEG)
    catalogue.set("c", NEG)
    unread = list(asked)
    catalogue.set("a", NEG)

    assert (unread, asked) == ([], [b"a", b"b"])
    assert told() == 1


def test_what_a_binding_no_longer_reads_is_let_go() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    unwatch = binding_of("/svc => /#/c/a | /#/c/b", catalogue).watch(lambda: None)
    watched = []

    watched.append((catalogue.answers[b"a"].is_watched, catalogue.answers[b"b"].is_watched))
    catalogue.bind("a")
    watched.append((catalogue.answers[b"a"].is_watched, catalogue.answers[b"b"].is_watched))
    unwatch()
    watched.append((catalogue.answers[b"a"].is_watched, catalogue.answers[b"b"].is_watched))

    assert watched == [(True, True), (True, False), (False, False)]


def test_a_namer_that_raises_costs_its_own_names_only() -> None:
    class Raising:
        def lookup(self, path: Path) -> Readable[Looked]:
            raise ValueError("odd")

    catalogue = Catalogue()
    catalogue.bind("a")
    namers: list[tuple[Path, Namer]] = [(Path.read("/#/odd"), Raising()), (catalogue.prefix, catalogue)]
    binder = Binder(Fixed(Dtab.read("/one => /#/odd/x | /#/c/a; /both => /#/odd/x & /#/c/a")), namers)

    trees = [binder.bind(EMPTY_DTAB, Path.read(path)).value for path in ("/one", "/both")]

    assert trees == [Failed("the namer /#/odd raised ValueError: odd"), Leaf(catalogue.bound("a"))]


TOO_DEEP = Failed("Max recursion level: 100 reached in Namer lookup")


@pytest.mark.parametrize(
    "dtab",
    [
        "/a => /a",
        "/a => /b; /b => /a",
        "/a => /a/x",
        "/a => /a | /a",
        "/a => ~ | /a | /a",
        "/ => /a",
    ],
)
def test_a_dtab_that_leads_in_a_circle_fails_at_a_hundred_lookups(dtab: str) -> None:
    assert binding_of(dtab, Catalogue(), "/a").value == TOO_DEEP


TOO_LARGE = "the dtab leads to too many names"
CHAIN = [(f"/n{number}", f"/n{number + 1}") for number in range(98)]
NESTED = "(" * 99


@pytest.mark.parametrize(
    ("dtab", "cause"),
    [
        ("/a => /a & /a", TOO_LARGE),
        ("/a => /a/x & /a/y", TOO_LARGE),
        ("/a => ~ | /a & /a & /a", TOO_LARGE),
        (";".join(f"{name} => {target} | {target}" for name, target in [("/a", "/n0"), *CHAIN]), TOO_LARGE),
        ("/a => " + " | ".join(["/b"] * 9_000) + "; /b => ~ | ~", TOO_LARGE),
        ("/a => /b & " + NESTED + "/b & /a" + " & /c)" * 99, "more than 100 unions within each other"),
    ],
)
def test_a_dtab_that_explodes_is_refused_soon(dtab: str, cause: str) -> None:
    with counted() as work:
        tree = binding_of(dtab, Catalogue(), "/a").value

    assert isinstance(tree, Failed)
    assert tree.cause.startswith("binding /a: ")
    assert cause in tree.cause
    assert work.calls < MOST_CALLS


def test_a_hundred_unions_within_each_other_are_bound_and_can_be_compared() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    binding = binding_of("/a => /#/c/b & /a", catalogue, "/a")
    told = counting(binding)

    catalogue.bind("c")
    catalogue.set("b", NEG)
    catalogue.bind("b")

    assert isinstance(binding.value, Union)
    assert told() == 2


def test_alternates_nested_as_deep_as_they_can_be_written_are_bound_at_every_step() -> None:
    catalogue = Catalogue()
    catalogue.bind("b")
    chain = [("/a", "/n0"), *CHAIN, ("/n98", "/#/c/b")]
    dtab = ";".join(f"{name} => " + "(~ | " * 99 + target + ")" * 99 for name, target in chain[:40])

    tree = binding_of(dtab + "; /n39 => /#/c/b", catalogue, "/a").value

    assert tree == Leaf(catalogue.bound("b"))


LOCAL = "/svc => /#/c/meta"


def test_an_override_does_not_lead_to_a_link_local_address() -> None:
    catalogue = Catalogue()
    catalogue.bind("meta", "10.0.0.1", "169.254.169.254")

    tree = binding_of("", catalogue, local=LOCAL).value

    assert tree == Failed("/#/c/meta: the override leads to 169.254.169.254:80, a link-local address")


def test_a_refused_branch_of_an_override_is_not_fallen_back_from() -> None:
    catalogue = Catalogue()
    catalogue.bind("meta", "169.254.169.254")
    catalogue.bind("web", "10.0.0.1")

    tree = binding_of("", catalogue, local="/svc => /#/c/meta | /#/c/web").value

    assert isinstance(tree, Failed)


def test_what_the_configuration_leads_to_may_be_link_local_whatever_else_is_overridden() -> None:
    catalogue = Catalogue()
    catalogue.bind("meta", "169.254.169.254")

    tree = binding_of(LOCAL, catalogue, local="/other => /x").value

    assert tree == Leaf(catalogue.bound("meta"))


def test_an_override_waits_until_the_addresses_are_known() -> None:
    catalogue = Catalogue()
    catalogue.bind("meta")
    binding = binding_of("", catalogue, local=LOCAL)
    binding.watch(lambda: None)
    seen = [binding.value]

    catalogue.bind("meta", "10.0.0.1")
    seen.append(binding.value)

    assert seen == [PENDING, Leaf(catalogue.bound("meta"))]


def test_addresses_that_turn_link_local_after_the_binding_are_refused_as_well() -> None:
    catalogue = Catalogue()
    catalogue.bind("meta", "10.0.0.1")
    tree = binding_of("", catalogue, local=LOCAL).value
    assert isinstance(tree, Leaf)

    catalogue.bind("meta", "169.254.169.254")

    assert isinstance(tree.value.addr.value, AddrFailed)
