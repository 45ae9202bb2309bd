import copy
import pickle

import pytest

from mesh.errors import NameSyntaxError
from mesh.naming.dtab import EMPTY_DTAB, WILDCARD, Dentry, Dtab, Prefix
from mesh.naming.path import EMPTY_PATH, Path
from mesh.naming.tree import FAIL, NEG, NameTree


def test_a_prefix_is_its_elements() -> None:
    prefix = Prefix.read(r"/a/*/\x2a")

    assert prefix.elems == (b"a", WILDCARD, b"*")
    assert (len(prefix), prefix.show(), str(prefix)) == (3, r"/a/*/\x2a", r"/a/*/\x2a")


def test_a_prefix_with_an_empty_element_is_refused() -> None:
    with pytest.raises(ValueError, match="no element of a prefix may be empty"):
        Prefix((b"",))


@pytest.mark.parametrize(
    ("prefix", "path", "matches"),
    [
        ("/", "/a", True),
        ("/a", "/a/b", True),
        ("/a", "/ab", False),
        ("/a/b", "/a", False),
        ("/*", "/", False),
        ("/*/b", "/a/c", False),
    ],
)
def test_a_prefix_matches_element_by_element(prefix: str, path: str, matches: bool) -> None:
    assert Prefix.read(prefix).matches(Path.read(path)) is matches


def test_a_dentry_knows_where_it_was_read() -> None:
    dtab = Dtab.read("\n# first\n/a => /b ; /c => /d ;\n  /e\n  => /f")

    assert [(dentry.line, dentry.column) for dentry in dtab] == [(3, 1), (3, 12), (4, 3)]


def test_the_place_of_a_dentry_takes_no_part_in_equality() -> None:
    read = Dentry.read("\n/a => !")
    made = Dentry(Prefix((b"a",)), FAIL)

    assert (read.line, made.line) == (2, 0)
    assert read == made
    assert hash(read) == hash(made)


def test_a_dtab_is_a_sequence_of_dentries() -> None:
    dtab = Dtab.read("/a => /b ; /c => /d")

    assert len(dtab) == 2
    assert dtab[1] == Dentry.read("/c => /d")
    assert dtab[1:] == Dtab.read("/c => /d")
    assert list(dtab) == [dtab[0], dtab[1]]
    assert Dtab(dtab.dentries) == dtab


@pytest.mark.parametrize("text", ["", " \n\t", "# nothing"])
def test_a_text_without_dentries_is_the_empty_dtab(text: str) -> None:
    assert Dtab.read(text) == EMPTY_DTAB == Dtab()


def test_later_dentries_come_first() -> None:
    dtab = Dtab.read("/a => /one ; /b => ! ; /a/b => /two | /three ; / => ~")

    assert dtab.lookup(Path.read("/a/b/c")).show() == "~ | (/two/c | /three/c) | /one/b/c"


def test_a_lookup_can_name_the_dentries() -> None:
    dtab = Dtab.read("/a => /one ;\n/*/b => /two")

    hits = dtab.lookup_with_dentries(Path.read("/a/b/c"))

    assert [(dentry.line, tree.show()) for dentry, tree in hits] == [(2, "/two/c"), (1, "/one/b/c")]


def test_without_a_match_a_path_is_negative() -> None:
    assert Dtab.read("/a => /b").lookup(Path.read("/c")) is NEG
    assert EMPTY_DTAB.lookup(EMPTY_PATH) is NEG


def test_every_path_fails_under_the_failing_dtab() -> None:
    assert Dtab.fail.show() == "/=>!"
    assert Dtab.fail.lookup(Path.read("/a/b")) is FAIL


def test_a_sum_has_the_dentries_of_both_and_the_right_one_wins() -> None:
    total = Dtab.read("/a => /base") + Dtab.read("/a => /local")

    assert total == Dtab.read("/a => /base ; /a => /local")
    assert hash(total) == hash(Dtab.read("/a => /base ; /a => /local"))
    assert total.lookup(Path.read("/a")).show() == "/local | /base"


def test_a_sum_with_the_empty_dtab_is_the_other_dtab_itself() -> None:
    dtab = Dtab.read("/a => /b")

    assert dtab + EMPTY_DTAB is dtab
    assert EMPTY_DTAB + dtab is dtab


def test_a_sum_shares_the_index_of_its_parts() -> None:
    base = Dtab.read("/a => /base")
    base.lookup(Path.read("/a"))

    total = base + Dtab.read("/a => /local")

    assert total._runs[0] is base._runs[0]


def test_a_dtab_that_grew_by_many_sums_stays_in_order() -> None:
    dtab = EMPTY_DTAB
    for number in range(50):
        dtab += Dtab.read(f"/a => /{number}")

    assert dtab.lookup(Path.read("/a")).show() == " | ".join(f"/{number}" for number in reversed(range(50)))
    assert len(dtab._runs) <= 8


@pytest.mark.parametrize(
    ("dtab", "prefix", "rest"),
    [
        ("/a=>/b;/c=>/d", "/a=>/b", "/c=>/d"),
        ("/a=>/b;/c=>/d", "/a=>/b;/c=>/d", ""),
        ("/a=>/b;/c=>/d", "", "/a=>/b;/c=>/d"),
        ("/a=>/b;/c=>/d", "/a=>/b;/x=>/y", "/a=>/b;/c=>/d"),
        ("/a=>/b", "/a=>/b;/c=>/d", "/a=>/b"),
    ],
)
def test_a_prefix_is_stripped_whole_or_not_at_all(dtab: str, prefix: str, rest: str) -> None:
    assert Dtab.read(dtab).strip_prefix(Dtab.read(prefix)).show() == rest


def test_a_simplified_dtab_has_simple_destinations_and_no_negative_ones() -> None:
    dtab = Dtab.read("/a => ~ | /b ;\n/c => ~ ;\n/d => ! & ! ;\n/e => ! | /f")

    assert dtab.simplified == Dtab.read("/a => /b ; /e => !")
    assert [dentry.line for dentry in dtab.simplified] == [1, 4]


def test_json_has_a_prefix_and_a_destination_per_dentry() -> None:
    dtab = Dtab.read("/a/* => 2 * /b & /c ; / => ~")
    entries = [{"prefix": "/a/*", "dst": "2.00*/b & /c"}, {"prefix": "/", "dst": "~"}]

    assert dtab.to_json() == entries
    assert Dtab.from_json(entries) == dtab


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"prefix": "/a"}, 'list of dentries expected but {"prefix": "/a"} found'),
        ([{"prefix": "/a"}], '{"prefix": …, "dst": …} expected but {"prefix": "/a"} found'),
        ([{"prefix": "/a", "dst": 1}], '{"prefix": …, "dst": …} expected but {"prefix": "/a", "dst": 1} found'),
        (["/a=>/b"], '{"prefix": …, "dst": …} expected but "/a=>/b" found'),
        ([{"prefix": "/a", "dst": "/b;"}], "end of input expected but ';' found at '/b[;]'"),
    ],
)
def test_json_of_another_shape_is_refused(entries: object, message: str) -> None:
    with pytest.raises(NameSyntaxError) as caught:
        Dtab.from_json(entries)

    assert str(caught.value) == message


def test_values_show_as_their_text() -> None:
    dtab = Dtab.read(" /a => /b ; /c => /d ")

    assert str(dtab) == dtab.show() == "/a=>/b;/c=>/d"
    assert repr(dtab) == "Dtab('/a=>/b;/c=>/d')"
    assert str(dtab[0]) == "/a=>/b"


def test_a_dtab_cannot_be_changed() -> None:
    dtab = Dtab.read("/a => /b")

    with pytest.raises(AttributeError):
        dtab.dentries = ()  # type: ignore[misc]  # what a type checker refuses must fail at run time too


def test_a_copy_is_equal() -> None:
    dtab = Dtab.read("/a => /b | 2 * /c & $")
    dtab.lookup(Path.read("/a"))

    assert copy.deepcopy(dtab) == dtab
    assert pickle.loads(pickle.dumps(dtab)) == dtab


@pytest.mark.slow
def test_ten_thousand_dentries_are_read_and_looked_up() -> None:
    dtab = Dtab.read(";\n".join(f"/svc/team-{n % 97}/service-{n} => /srv/{n} | /srv/x" for n in range(10_000)))

    assert dtab.lookup(Path.read("/svc/team-3/service-100/x")) == NameTree.read("/srv/100/x | /srv/x/x")
    assert dtab[9_999].line == 10_000
