"""What two sides agree on."""

import pytest

from mesh_plugins.mux.handshake import (
    ANY_WINDOW,
    MARKER_FRAME,
    TINIT_FRAME,
    Incompatible,
    is_marker,
    level,
    negotiate_tls,
    rinit,
    terms,
)
from mesh_plugins.mux.messages import Init
from mesh_plugins.mux.wire import TINIT
from tests.plugins.mux.ends import MARKER
from tests.plugins.mux.ends import TINIT as TINIT_HEX


def init(*headers: tuple[bytes, bytes], version: int = 1) -> Init:
    return Init(TINIT, 1, version, headers)


def test_a_handshake_begins_as_finagles() -> None:
    assert (MARKER_FRAME.hex(), TINIT_FRAME.hex()) == (MARKER, TINIT_HEX)
    assert TINIT_FRAME[:4] + b"\xbc" + TINIT_FRAME[5:] == rinit(1)


def test_without_headers_pieces_may_have_any_length() -> None:
    assert terms(init()).window == ANY_WINDOW


def test_a_peer_may_want_short_pieces() -> None:
    assert terms(init((b"mux-framer", b"\x00\x00\x04\x00"), (b"other", b"x"))).window == 1024


def test_the_first_of_two_windows_counts() -> None:
    assert terms(init((b"mux-framer", b"\0\0\0\x08"), (b"mux-framer", b"\0\0\0\x05"))).window == 8


@pytest.mark.parametrize("window", [b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00\x01"])
def test_a_window_that_lets_nothing_through_is_refused(window: bytes) -> None:
    with pytest.raises(Incompatible):
        terms(init((b"mux-framer", window)))


def test_another_version_is_refused() -> None:
    with pytest.raises(Incompatible, match="Unsupported Mux version: 7"):
        terms(init(version=7))


@pytest.mark.parametrize("said", [b"off", b"desired", b"maybe"])
def test_a_peer_that_can_do_without_tls_gets_none(said: bytes) -> None:
    assert terms(init((b"tls", said))).window == ANY_WINDOW


def test_a_peer_that_requires_tls_within_mux_is_refused() -> None:
    with pytest.raises(Incompatible, match="whether to use TLS"):
        terms(init((b"tls", b"required")))


def test_tls_is_agreed_on_if_neither_side_is_against_it() -> None:
    assert [negotiate_tls("desired", other) for other in ("off", "desired", "required")] == [False, True, True]


def test_an_unknown_level_is_off() -> None:
    assert [level(b"required"), level(b"\xff")] == ["required", "off"]


def test_the_marker_is_known_by_its_text_and_its_tag() -> None:
    assert [is_marker(b"tinit check", 1), is_marker(b"tinit check", 2), is_marker(b"no", 1)] == [True, False, False]
