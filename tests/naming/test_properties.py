"""What holds for all names, tried on many of them."""

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import NameSyntaxError
from mesh.naming.dtab import WILDCARD, Dentry, Dtab, Prefix, Wildcard
from mesh.naming.path import Path
from mesh.naming.tree import EMPTY, FAIL, NEG, Alt, Leaf, NameTree, Union, Weighted, show_weight

tried = settings(derandomize=True, deadline=None, max_examples=100)

paths = st.lists(st.binary(min_size=1, max_size=4), max_size=4).map(lambda elems: Path(tuple(elems)))
# Few different elements, so that prefixes match.
near_paths = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=4).map(lambda elems: Path(tuple(elems)))
prefix_elems: st.SearchStrategy[bytes | Wildcard] = st.sampled_from([b"a", b"b", WILDCARD])
prefixes = st.lists(prefix_elems, max_size=4).map(lambda elems: Prefix(tuple(elems)))
marks: st.SearchStrategy[NameTree[Path]] = st.sampled_from([NEG, FAIL, EMPTY])
weights = st.floats(min_value=0, allow_infinity=False)


def branches_of(trees: st.SearchStrategy[NameTree[Path]]) -> st.SearchStrategy[NameTree[Path]]:
    alts = st.lists(trees, min_size=2, max_size=3).map(lambda children: Alt(tuple(children)))
    weighted = st.builds(Weighted[Path], weights, trees)
    unions = st.lists(weighted, min_size=2, max_size=3).map(lambda children: Union(tuple(children)))
    return alts | unions


trees = st.recursive(marks | paths.map(Leaf), branches_of, max_leaves=12)
dtabs = st.lists(st.builds(Dentry, prefixes, trees), max_size=3).map(lambda dentries: Dtab(tuple(dentries)))
near_dentries = st.builds(Dentry, prefixes, st.sampled_from([NEG, *map(NameTree.read, ("/x", "/y | /z", "2*/x & !"))]))
near_dtabs = st.lists(near_dentries, max_size=3).map(lambda dentries: Dtab(tuple(dentries)))


def rounded(tree: NameTree[Path]) -> NameTree[Path]:
    """Return the tree with its weights as they are shown."""
    match tree:
        case Alt(children):
            return Alt(tuple(map(rounded, children)))
        case Union(children):
            return Union(tuple(Weighted(float(show_weight(each.weight)), rounded(each.tree)) for each in children))
    return tree


def rounded_dtab(dtab: Dtab) -> Dtab:
    return Dtab(tuple(Dentry(dentry.prefix, rounded(dentry.dst)) for dentry in dtab))


def appended(tree: NameTree[Path], residual: Path) -> NameTree[Path]:
    return tree.map(lambda leaf: leaf + residual)


def read_or_refusal(text: str) -> Dtab | NameSyntaxError:
    try:
        return Dtab.read(text)
    except NameSyntaxError as error:
        return error


@tried
@given(paths)
def test_a_shown_path_reads_as_itself(path: Path) -> None:
    assert Path.read(path.show()) == path


@tried
@given(trees)
def test_a_shown_tree_reads_as_itself_but_for_rounded_weights(tree: NameTree[Path]) -> None:
    assert NameTree.read(tree.show()) == rounded(tree)


@tried
@given(dtabs)
def test_a_shown_dtab_reads_as_itself_but_for_rounded_weights(dtab: Dtab) -> None:
    assert Dtab.read(dtab.show()) == rounded_dtab(dtab)
    assert Dtab.from_json(dtab.to_json()) == rounded_dtab(dtab)


@tried
@given(trees)
def test_a_simplified_tree_evaluates_to_the_same_and_is_simple(tree: NameTree[Path]) -> None:
    simple = tree.simplified

    assert simple.eval() == tree.eval()
    assert simple.simplified == simple


@tried
@given(st.lists(near_dtabs, max_size=12), near_paths)
def test_a_lookup_finds_what_trying_every_dentry_finds(parts: list[Dtab], path: Path) -> None:
    total = sum(parts, Dtab())
    hits = [dentry for part in parts for dentry in part if dentry.prefix.matches(path)]

    found = total.lookup_with_dentries(path)

    assert found == [(dentry, appended(dentry.dst, path[len(dentry.prefix) :])) for dentry in reversed(hits)]


@tried
@given(st.text(alphabet=st.sampled_from("/ab*=>;|&~!$()#\\x2. \n\u00e9\u0663"), max_size=30))
def test_any_text_is_read_or_refused_where_it_says(text: str) -> None:
    answer = read_or_refusal(text)

    if isinstance(answer, Dtab):
        assert Dtab.read(answer.show()) == rounded_dtab(answer)
    else:
        at = answer.position
        assert str(answer).endswith(f"found at '{text[:at]}[{text[at : at + 1]}]{text[at + 1 :]}'")
