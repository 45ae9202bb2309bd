"""How two sides agree on compression."""

import pytest

from mesh_plugins.mux.compression import Agreed, Preferences, Setting, negotiate
from mesh_plugins.mux.handshake import Incompatible, terms
from mesh_plugins.mux.messages import Init
from mesh_plugins.mux.wire import RINIT, TINIT, Undecodable


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"desired:identity,reverse;accepted:lz4", (("desired", ("identity", "reverse")), ("accepted", ("lz4",)))),
        (b"off:;off:", (("off", ()), ("off", ()))),
        (b"desired;often:lz4", (("desired", ()), ("off", ("lz4",)))),
        (b"desired:lz4", (("off", ()), ("off", ()))),
        (b"a;b;c", (("off", ()), ("off", ()))),
        (b"desired:a:b;accepted:b", (("off", ()), ("accepted", ("b",)))),
    ],
)
def test_what_a_client_offers_is_read_as_by_finagle(
    text: bytes, expected: tuple[tuple[str, tuple[str, ...]], tuple[str, tuple[str, ...]]]
) -> None:
    assert Preferences.decode(text) == Preferences(Setting(*expected[0]), Setting(*expected[1]))


def test_an_offer_is_written_as_by_finagle() -> None:
    made = Preferences(Setting("desired", ("identity", "reverse")), Setting("accepted", ("lz4",)))

    assert made.encode() == b"desired:identity,reverse;accepted:lz4"


@pytest.mark.parametrize(
    ("made", "text"), [(Agreed(), b";"), (Agreed(None, "foo"), b";foo"), (Agreed("a", "b"), b"a;b")]
)
def test_what_a_server_chooses_is_written_and_read(made: Agreed, text: bytes) -> None:
    assert (made.encode(), Agreed.decode(text)) == (text, made)


@pytest.mark.parametrize(
    ("server", "client", "expected"),
    [
        (Setting("desired", ("a", "b")), Setting("desired", ("b", "a")), "a"),
        (Setting("accepted", ("a", "b")), Setting("desired", ("b", "a")), "b"),
        (Setting("desired", ("a",)), Setting("accepted", ("b",)), None),
        (Setting("accepted", ("a",)), Setting("accepted", ("a",)), None),
        (Setting("off", ("a",)), Setting("desired", ("a",)), None),
    ],
)
def test_a_format_is_chosen_if_one_side_wants_it(server: Setting, client: Setting, expected: str | None) -> None:
    assert negotiate(Preferences(server, server), Preferences(client, client)) == Agreed(expected, expected)


@pytest.mark.parametrize(
    ("chosen", "error"), [(b"lz4;lz4", Incompatible), (b";lz4", Incompatible), (b"lz4", Undecodable)]
)
def test_an_endpoint_that_compresses_unasked_is_refused(chosen: bytes, error: type[Undecodable]) -> None:
    with pytest.raises(error):
        terms(Init(RINIT, 1, 1, ((b"compress", chosen),)))


def test_what_a_client_says_in_the_header_of_servers_means_nothing() -> None:
    terms(Init(TINIT, 1, 1, ((b"compress", b"lz4"),)))
