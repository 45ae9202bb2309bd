"""Dtabs that come as pairs of texts."""

import pytest

from mesh import BadRequestContext, Dtab
from mesh_plugins.thrift.delegations import LONGEST, MEMO, Delegations


def test_pairs_are_the_dentries_of_a_dtab_which_is_remembered() -> None:
    delegations = Delegations()
    pairs = [(b"/foo", b"/bar | /baz"), (b"/*/x", b"!")]

    first = delegations.read(pairs)

    assert first == Dtab.read("/foo => /bar | /baz; /*/x => !")
    assert delegations.read(list(pairs)) is first


@pytest.mark.parametrize("pair", [(b"foo", b"/bar"), (b"/foo", b""), (b"/foo", b"/" + b"x" * LONGEST)])
def test_what_makes_no_sense_is_refused(pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadRequestContext):
        Delegations().read([pair])


def test_dtabs_that_somebody_invents_are_forgotten() -> None:
    delegations = Delegations()

    read = [delegations.read([(b"/a", b"/b%d" % number)]) for number in range(MEMO + 3)]

    assert read == [Dtab.read(f"/a=>/b{number}") for number in range(MEMO + 3)]
