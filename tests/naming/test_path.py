import copy
import pickle

import pytest

from mesh.naming.path import EMPTY_PATH, Path, show_element


def test_a_path_is_its_elements() -> None:
    path = Path.read(r"/svc/\x2f")

    assert path.elems == (b"svc", b"/")
    assert list(path) == [b"svc", b"/"]
    assert (len(path), path[1]) == (2, b"/")


def test_the_empty_path_is_written_as_a_slash() -> None:
    assert Path.read(" / ") == EMPTY_PATH == Path()
    assert EMPTY_PATH.show() == "/"


def test_an_empty_element_is_refused() -> None:
    with pytest.raises(ValueError, match="no element of a path may be empty"):
        Path((b"svc", b""))


def test_one_byte_that_no_label_may_hold_escapes_the_whole_element() -> None:
    assert Path.utf8("a+b", "c").show() == r"/\x61\x2b\x62/c"


def test_every_byte_is_read_back_as_it_was_shown() -> None:
    path = Path(tuple(bytes([octet]) for octet in range(256)))

    assert Path.read(path.show()) == path


def test_a_shown_path_is_its_text() -> None:
    path = Path.utf8("svc", "web")

    assert str(path) == path.show() == "/svc/web"
    assert repr(path) == "Path('/svc/web')"


def test_paths_are_equal_by_bytes() -> None:
    assert Path.read("/svc") == Path.utf8("svc")
    assert hash(Path.read("/svc")) == hash(Path.utf8("svc"))
    assert Path.utf8("svc") != Path.utf8("Svc")
    assert Path.utf8("svc") != ("svc",)


def test_a_sum_is_one_path_after_the_other() -> None:
    assert Path.utf8("a") + Path.utf8("b", "c") == Path.utf8("a", "b", "c")


def test_a_sum_with_the_empty_path_is_the_other_path_itself() -> None:
    path = Path.utf8("a")

    assert path + EMPTY_PATH is path
    assert EMPTY_PATH + path is path


def test_a_slice_is_a_path() -> None:
    assert Path.utf8("a", "b", "c")[1:] == Path.utf8("b", "c")
    assert Path.utf8("a")[1:] == EMPTY_PATH


def test_a_prefix_ends_between_elements() -> None:
    path = Path.utf8("foo", "bar")

    assert path.startswith(EMPTY_PATH)
    assert path.startswith(Path.utf8("foo"))
    assert path.startswith(path)
    assert not path.startswith(Path.utf8("fo"))
    assert not path.startswith(Path.utf8("foo", "bar", "baz"))


def test_a_path_cannot_be_changed() -> None:
    path = Path.utf8("a")

    with pytest.raises(AttributeError, match="immutable"):
        path.elems = ()
    with pytest.raises(AttributeError, match="immutable"):
        del path.elems


def test_a_copy_is_equal() -> None:
    path = Path.utf8("a", "b")

    assert copy.deepcopy(path) == path
    assert pickle.loads(pickle.dumps(path)) == path


def test_an_element_is_shown_as_it_stands_or_all_escaped() -> None:
    assert show_element(b"A-Z_0:9.#$%") == "A-Z_0:9.#$%"
    assert show_element(b"a b") == r"\x61\x20\x62"
