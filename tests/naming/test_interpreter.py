"""The interpreter that binds in this process."""

import pytest

from mesh.endpoint import AddrNeg
from mesh.naming.binding import DtabState
from mesh.naming.delegation import Delegate, DelegateError, DelegateNeg, DelegatePending, Delegation
from mesh.naming.dtab import EMPTY_DTAB, Dentry, Dtab
from mesh.naming.interpreter import BASE_DTAB, INTERPRETER, NAMERS, SYSTEM_NAMER, Interpreter, LocalInterpreter
from mesh.naming.namer import PENDING, BoundName, Failed, Looked
from mesh.naming.path import Path
from mesh.naming.tree import NEG, Leaf
from mesh.params import Params
from mesh.var import Fixed, Readable, Var

SVC = Path.read("/svc")


class Everything:
    """A namer that binds every name, under its prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = Path.read(prefix)

    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed(Leaf(BoundName(self.prefix, path, Fixed(AddrNeg()))))


def test_names_are_bound_by_the_base_dtab_the_override_and_the_namers() -> None:
    interpreter: Interpreter = LocalInterpreter(
        Fixed(Dtab.read("/svc => /#/a")), [(Path.read("/#/a"), Everything("/#/a"))], Everything("/$")
    )
    dtabs = [EMPTY_DTAB, Dtab.read("/svc => /$/x")]

    trees = [interpreter.bind(dtab, SVC).value for dtab in dtabs]

    assert [str(tree) for tree in trees] == ["/#/a", "/$/x"]


def test_a_delegation_follows_the_dtab() -> None:
    dtab: Var[DtabState] = Var(EMPTY_DTAB)
    delegation = LocalInterpreter(dtab).delegate(EMPTY_DTAB, SVC)
    told: list[Delegation] = []
    delegation.watch(lambda: told.append(delegation.value))

    dtab.set(Dtab.read("/svc => /x"))

    assert told == [Delegate(SVC, None, DelegateNeg(Path.read("/x"), Dentry.read("/svc => /x")))]


@pytest.mark.parametrize(
    ("state", "expected"),
    [(PENDING, DelegatePending(SVC, None)), (Failed("no file"), DelegateError(SVC, None, "no file"))],
)
def test_a_delegation_says_that_there_is_no_dtab(state: DtabState, expected: Delegation) -> None:
    assert LocalInterpreter(Fixed(state)).delegate(EMPTY_DTAB, SVC).value == expected


def test_without_configuration_there_are_no_names() -> None:
    params = Params()

    assert params[INTERPRETER].bind(EMPTY_DTAB, SVC).value == NEG
    assert (params[BASE_DTAB].value, params[NAMERS], params[SYSTEM_NAMER]) == (EMPTY_DTAB, (), None)
