"""Bindings that keep their last good tree."""

from collections.abc import Callable

from mesh.naming.binding import Held, held
from mesh.naming.namer import PENDING, BoundName, BoundTree, Failed
from mesh.naming.tree import EMPTY, FAIL, NEG, NameTree
from mesh.var import Readable, Var


def counting(source: Readable[BoundTree]) -> Callable[[], int]:
    told = [0]

    def watcher() -> None:
        told[0] += 1

    source.watch(watcher)
    return lambda: told[0]


def test_the_last_good_tree_stays_when_a_binding_fails_or_is_pending_again() -> None:
    good: NameTree[BoundName] = EMPTY
    binding: Var[BoundTree] = Var(PENDING)
    kept = held(binding)
    kept.watch(lambda: None)
    seen = []

    trees: list[BoundTree] = [PENDING, Failed("early"), good, Failed("late"), PENDING, NEG]
    for tree in trees:
        binding.set(tree)
        seen.append((kept.value, kept.stale))

    assert seen == [
        (PENDING, ""),
        (Failed("early"), ""),
        (good, ""),
        (good, "late"),
        (good, "pending"),
        (NEG, ""),
    ]


def test_nobody_is_told_of_a_failure_that_changes_nothing() -> None:
    binding: Var[BoundTree] = Var(EMPTY)
    kept = Held(binding)
    told = counting(kept)

    binding.set(Failed("late"))
    binding.set(FAIL)

    assert told() == 1


def test_the_last_good_tree_is_remembered_while_nobody_watches() -> None:
    binding: Var[BoundTree] = Var(EMPTY)
    kept = held(binding)
    kept.watch(lambda: None)()

    binding.set(Failed("late"))

    assert (kept.value, kept.stale) == (EMPTY, "late")
