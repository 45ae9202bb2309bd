"""What travels beside a call."""

from mesh_plugins.thrift.header import RequestHeader


def test_the_last_context_of_an_id_counts_in_whatever_case_it_is() -> None:
    header = RequestHeader(contexts=[(b"a.B", b"1"), (b"A.b", b"2"), (b"c", b"3")])

    assert (header.context(b"a.B"), header.context(b"d")) == (b"2", None)


def test_a_context_takes_the_place_of_those_before() -> None:
    before = [(b"a.B", b"1"), (b"c", b"3")]
    header = RequestHeader(contexts=before)

    header.set_context(b"A.B", b"2")

    assert header.contexts == [(b"c", b"3"), (b"A.B", b"2")]
    assert before == [(b"a.B", b"1"), (b"c", b"3")]
