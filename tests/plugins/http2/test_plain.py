"""What decoded fields mean."""

import pytest

from mesh import Fields, LocalProtocolError, RemoteProtocolError
from mesh_plugins.http2.plain import judge_reply, judge_request, judge_trailers, reply_fields, request_fields

GET: Fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/a?b"), (b":authority", b"a.test")]


def test_a_request_has_its_host_first_and_its_cookies_in_one() -> None:
    head = judge_request([*GET, (b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")], ends=True)

    assert (head.method, head.target, head.scheme, head.size, head.ends) == (b"GET", b"/a?b", b"https", 0, True)
    assert head.headers == [(b"host", b"a.test"), (b"x", b"y"), (b"cookie", b"a=1; b=2")]


@pytest.mark.parametrize(
    "fields",
    [
        GET[:2],
        [*GET, (b":path", b"/")],
        [*GET, (b"x", b"y"), (b":late", b"z")],
        [*GET, (b"host", b"b.test")],
        [*GET, (b"connection", b"close")],
        [*GET, (b"te", b"gzip")],
        [*GET, (b"X", b"y")],
        [*GET, (b"x", b"y\r\nz")],
        [*GET, (b"content-length", b"1")],
        [*GET, (b"content-length", b"0"), (b"content-length", b"0")],
        [(b":method", b"CONNECT"), (b":authority", b"a.test:1"), (b":path", b"/")],
        [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"a"), (b":authority", b"a.test")],
        [(b":method", b"G T"), *GET[1:]],
        [*GET[:3], (b":authority", b"user@a.test")],
    ],
)
def test_a_malformed_request_is_refused(fields: Fields) -> None:
    with pytest.raises(RemoteProtocolError):
        judge_request(fields, ends=True)


@pytest.mark.parametrize("status", [b"", b"20", b"101", b"2OO", b"099"])
def test_a_malformed_status_is_refused(status: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        judge_reply([(b":status", status)], ends=False)


def test_trailers_have_no_pseudo_fields_and_lose_what_frames() -> None:
    assert judge_trailers([(b"a", b"b"), (b"content-length", b"1")]) == [(b"a", b"b")]
    with pytest.raises(RemoteProtocolError):
        judge_trailers([(b":status", b"200")])


def test_a_request_is_sent_with_its_authority_and_the_wish_for_trailers() -> None:
    sent = request_fields(
        b"POST", b"/", b"http", [(b"host", b"a.test"), (b"a", b"b"), (b"te", b"trailers")], 3, ends=False
    )

    assert sent == [
        (b":method", b"POST"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"a.test"),
        (b"a", b"b"),
        (b"te", b"trailers"),
        (b"content-length", b"3"),
    ]


def test_an_interim_reply_is_sent_without_a_length() -> None:
    assert reply_fields(103, [], 0) == [(b":status", b"103")]
    with pytest.raises(LocalProtocolError):
        reply_fields(101, [], None)
