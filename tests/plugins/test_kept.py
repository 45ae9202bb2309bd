"""Address sets that outlive their source."""

import attrs
import pytest

from mesh import Addr, AddrBound, AddrFailed, AddrNeg, AddrPending, Endpoint, Var
from mesh_plugins.kept import Kept

KNOWN = AddrBound((Endpoint("10.0.0.1", 80),))


def after(*states: Addr) -> Addr:
    """Return what is kept after the source went through these states."""
    source = Var[Addr](states[0])
    kept = Kept(source)
    kept.watch(lambda: None)
    for state in states[1:]:
        source.set(state)
    return kept.value


@pytest.mark.parametrize("first", [AddrPending(), AddrFailed("no answer"), AddrNeg(), KNOWN])
def test_the_first_state_is_shown_as_it_is(first: Addr) -> None:
    assert after(first) == first


@pytest.mark.parametrize(("later", "why"), [(AddrFailed("no answer"), "no answer"), (AddrPending(), "pending")])
def test_a_known_set_stays_and_says_why_it_is_not_the_present_one(later: Addr, why: str) -> None:
    assert after(KNOWN, later) == attrs.evolve(KNOWN, stale=why)


def test_a_new_set_replaces_the_one_that_was_kept() -> None:
    other = AddrBound((Endpoint("10.0.0.2", 80),))

    assert after(KNOWN, AddrFailed("no answer"), other) == other


def test_that_a_name_is_gone_counts_and_is_kept() -> None:
    assert after(KNOWN, AddrNeg(), AddrFailed("no answer")) == AddrNeg()


def test_nothing_is_watched_when_nobody_watches() -> None:
    source = Var[Addr](KNOWN)

    Kept(source).watch(lambda: None)()

    assert not source.is_watched
