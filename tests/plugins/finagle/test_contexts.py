"""What travels beside a payload."""

from mesh import AttemptTimeout, Expiry
from mesh_plugins.finagle.contexts import (
    NEVER,
    RETRIES,
    deadline_of,
    pack_deadline,
    read_deadline,
    write,
    write_retries,
)


def test_contexts_are_written_one_after_the_other() -> None:
    assert write([(b"a", b"bc"), (b"", b"")]) == b"\x00\x01a\x00\x02bc\x00\x00\x00\x00"


def test_the_number_of_repeats_has_four_bytes() -> None:
    written = [write_retries(attempt) for attempt in (0, 1, 31, 32, 70000)]

    assert written == [write([(RETRIES, attempt.to_bytes(4))]) for attempt in (0, 1, 31, 32, 70000)]


def test_a_deadline_is_read_as_it_was_written() -> None:
    assert read_deadline(pack_deadline(5, 7)) == (5, 7)


def test_a_deadline_that_never_comes_or_makes_no_sense_is_none() -> None:
    assert [read_deadline(pack_deadline(5, None)), read_deadline(b"short")] == [None, None]
    assert pack_deadline(5, None) == pack_deadline(5, NEVER)


def test_an_expiry_is_told_in_wall_time() -> None:
    expiry = Expiry(12.5, AttemptTimeout, "late")

    assert read_deadline(deadline_of(expiry, 10.0, 1_000)) == (1_000, 2_500_001_000)
