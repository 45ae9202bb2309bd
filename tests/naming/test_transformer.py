"""Transformers of interpreters and of namers."""

import attrs

from mesh.endpoint import Addr, AddrBound, AddrNeg, AddrPending, Endpoint
from mesh.naming.binding import DtabState
from mesh.naming.delegation import DelegateLeaf, Json, Transformation, to_json
from mesh.naming.dtab import EMPTY_DTAB, Dtab
from mesh.naming.interpreter import LocalInterpreter
from mesh.naming.namer import PENDING, BoundName, Listing, Looked
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.transformer import AddrTransformer, TransformedInterpreter, TransformedNamer, transformed
from mesh.naming.tree import Leaf, NameTree, Union, Weighted
from mesh.var import Fixed, Readable, Var

WEB = Path.read("/#/a/web")
ONE = Endpoint("10.0.0.1", 80)
TWO = Endpoint("10.0.0.2", 80)


def bound(addr: Readable[Addr], path: Path = WEB, weight: float | None = None) -> BoundName:
    return BoundName(path, Path.read("/rest"), addr, weight)


def first_only(name: str = "first") -> AddrTransformer:
    """Keep the first address; none of a pending or negative one."""

    def change(addr: Addr, _read: object) -> Addr:
        return attrs.evolve(addr, endpoints=addr.endpoints[:1]) if isinstance(addr, AddrBound) else addr

    return AddrTransformer(name, Path.read(f"/%/{name}"), change)


class Fake:
    """A namer that answers what it is told, and lists one name."""

    def __init__(self, answer: Looked) -> None:
        self.answer = Var(answer)

    def lookup(self, _path: Path) -> Readable[Looked]:
        return self.answer

    def names(self) -> list[Path]:
        return [WEB]


def test_addresses_are_changed_and_the_id_says_so() -> None:
    addr: Var[Addr] = Var(AddrBound((ONE, TWO)))
    interpreter = TransformedInterpreter(
        LocalInterpreter(Fixed(Dtab.read("/svc => /#/a")), [(Path.read("/#/a"), Fake(Leaf(bound(addr))))]),
        [first_only(), first_only("second")],
    )

    tree = interpreter.bind(EMPTY_DTAB, Path.read("/svc/web")).value

    assert isinstance(tree, Leaf)
    assert str(tree.value) == "/%/second/%/first/#/a/web/rest"
    assert tree.value.addr.value == AddrBound((ONE,))
    addr.set(AddrNeg())
    assert tree.value.addr.value == AddrNeg()


def test_weights_stay() -> None:
    tree = Union(
        (Weighted(2.0, Leaf(bound(Fixed(AddrPending()), weight=2.0))), Weighted(1.0, Leaf(bound(Fixed(AddrPending())))))
    )
    answers = TransformedNamer(Fake(tree), [first_only()])

    answer = answers.lookup(EMPTY_PATH).value

    assert str(answer) == "2.00*/%/first/#/a/web/rest & /%/first/#/a/web/rest"
    assert isinstance(answer, NameTree)
    assert [name.weight for name in answer.leaves() if isinstance(name, BoundName)] == [2.0, None]


def test_a_binding_follows_its_namer() -> None:
    namer = Fake(PENDING)
    answer = transformed(namer, [first_only()]).lookup(EMPTY_PATH)
    told: list[str] = []
    answer.watch(lambda: told.append(str(answer.value)))

    namer.answer.set(Leaf(bound(Fixed(AddrPending()))))

    assert told == ["/%/first/#/a/web/rest"]


def test_names_that_are_looked_up_in_turn_are_left_alone() -> None:
    namer = transformed(Fake(Leaf(Path.read("/other"))), [first_only()])

    assert namer.lookup(EMPTY_PATH).value == Leaf(Path.read("/other"))


def test_an_answer_is_shared_while_it_is_held() -> None:
    namer = transformed(Fake(PENDING), [first_only()])
    first = namer.lookup(WEB)

    assert namer.lookup(WEB) is first


def test_a_namer_that_lists_its_names_still_does() -> None:
    plain = Fake(PENDING)
    namer = transformed(plain, [first_only()])

    assert isinstance(namer, Listing)
    assert namer.names() == [WEB]
    assert transformed(plain, []) is plain


def test_a_delegation_shows_what_was_bound_and_what_it_became() -> None:
    addr = Fixed(AddrBound((ONE, TWO)))
    dtab: Fixed[DtabState] = Fixed(Dtab.read("/svc => /#/a"))
    inner = LocalInterpreter(dtab, [(Path.read("/#/a"), Fake(Leaf(bound(addr))))])
    interpreter = TransformedInterpreter(inner, [first_only()])

    shown = to_json(interpreter.delegate(EMPTY_DTAB, Path.read("/svc/web")).value)

    rule: Json = {"prefix": "/svc", "dst": "/#/a"}
    after: Json = {"type": "bound", "addrs": [{"ip": "10.0.0.1", "port": 80, "meta": {}}], "meta": {}}
    assert interpreter.dtab is dtab
    assert shown["delegate"] == {
        "type": "transformation",
        "path": "/#/a/web",
        "dentry": rule,
        "name": "first",
        "bound": to_json(DelegateLeaf(WEB, None, bound(addr), addr.value))["bound"],
        "tree": {
            "type": "leaf",
            "path": "/%/first/#/a/web",
            "dentry": rule,
            "bound": {"addr": after, "id": "/%/first/#/a/web", "path": "/rest"},
        },
    }


def test_a_second_transformer_shows_below_the_first() -> None:
    inner = LocalInterpreter(Fixed(EMPTY_DTAB), [(Path.read("/#/a"), Fake(Leaf(bound(Fixed(AddrNeg())))))])
    interpreter = TransformedInterpreter(inner, [first_only(), first_only("second")])

    tree = interpreter.delegate(EMPTY_DTAB, WEB).value

    assert isinstance(tree, Transformation)
    assert isinstance(tree.tree, Transformation)
    assert [tree.name, tree.tree.name] == ["first", "second"]
