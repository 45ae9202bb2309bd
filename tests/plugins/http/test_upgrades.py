"""Which protocols may be switched to."""

import pytest

from mesh_plugins.http.upgrades import allowed, is_among, offered

WEBSOCKET = frozenset({b"websocket"})


@pytest.mark.parametrize(
    ("asked", "passed"),
    [
        (b"websocket", b"websocket"),
        (b"WebSocket", b"WebSocket"),
        (b"h2c", b""),
        (b"h2c, websocket", b"websocket"),
        (b" websocket\t,, x/1 ", b"websocket"),
        (b"websocket/13", b""),
        (b"websocket2", b""),
        (b"", b""),
    ],
)
def test_what_is_allowed_is_passed_on_as_it_came(asked: bytes, passed: bytes) -> None:
    assert offered(asked, WEBSOCKET) == passed


@pytest.mark.parametrize(
    ("chosen", "fits"),
    [(b"websocket", True), (b"WEBSOCKET", True), (b"", False), (b",", False), (b"h2c", False), (b"a, h2c", False)],
)
def test_an_endpoint_chooses_among_what_it_was_asked(chosen: bytes, fits: bool) -> None:
    assert is_among(chosen, b"WebSocket, a") is fits


def test_names_are_kept_in_lower_case() -> None:
    assert allowed(("WebSocket", "SPDY/3.1")) == {b"websocket", b"spdy/3.1"}


@pytest.mark.parametrize("name", ["h2c", "H2C", "HTTP/2.0", "TLS/1.0"])
def test_what_would_hide_requests_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="pass by every filter"):
        allowed((name,))


@pytest.mark.parametrize("name", ["", "two words", "a,b", "/1", "a/", "websöcket"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a protocol"):
        allowed((name,))
