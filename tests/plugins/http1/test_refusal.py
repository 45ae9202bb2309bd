"""What is said of a request that cannot be read."""

from mesh import Limits, RemoteProtocolError
from mesh_plugins.http1.refusal import refusal
from mesh_plugins.http1.wire import FastServer


def said(text: str, *, clears_context: bool = False) -> bytes:
    return refusal(RemoteProtocolError(text, status=431), FastServer(Limits()), clears_context=clears_context)


def test_a_refusal_says_why_and_that_the_connection_ends() -> None:
    head, _, body = said("too long").partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"l5d-err: too long\r\n" in head + b"\r\n"
    assert b"connection: close" in head.lower()
    assert body == b"too long\n"


def test_what_a_client_sent_cannot_end_the_field_that_repeats_it() -> None:
    head = said("bad: \r\nset-cookie: \u20ac").partition(b"\r\n\r\n")[0]

    assert b"l5d-err: bad: ??set-cookie: ?" in head


def test_a_stranger_is_told_the_status_alone() -> None:
    head, _, body = said("secret", clears_context=True).partition(b"\r\n\r\n")

    assert (head.startswith(b"HTTP/1.1 431 "), b"l5d-" in head, b"secret" in head, body) == (True, False, False, b"")
