"""Single lines and values, as strict as a mesh needs them."""

import pytest

from mesh import RemoteProtocolError
from mesh_plugins.http1.grammar import (
    check_authority,
    check_lines_start,
    check_transfer_encoding,
    parse_chunk_line,
    parse_content_length,
    parse_field_line,
    parse_request_line,
    parse_status_line,
)


@pytest.mark.parametrize(
    "authority",
    [
        *(
            b"a",
            b"a.test",
            b"a.test.",
            b"a_b-c~d",
            b"A.TEST:80",
            b"a:0",
            b"a:65535",
            b"a:",
            b"127.0.0.1:80",
            b"$id!&'()*+;=",
        ),
        *(b"[::]", b"[::1]:80", b"[2001:DB8::1]", b"caf%C3%A9"),
    ],
)
def test_an_authority_is_accepted(authority: bytes) -> None:
    check_authority(authority)


@pytest.mark.parametrize(
    "authority",
    [
        *(b"", b":", b":80", b"a:b", b"a:80:80", b"a:65536", b"a:000080", b"a:+80", b"a:8_0", b"a: 80", b"a:\xb2"),
        *(
            b"a b",
            b" a",
            b"a/",
            b"a?b",
            b"a#b",
            b"u@a",
            b"a\\b",
            b"a,b",
            b"a<b",
            b'"a"',
            b"a|b",
            b"a^",
            b"\xe9",
            b"a\x00",
            b"a\x7f",
        ),
        *(b"%", b"%2", b"%2f", b"%2F", b"%00", b"%40", b"%61", b"%zz"),
        *(
            b"::1",
            b"[",
            b"]",
            b"[]",
            b"[::1",
            b"::1]",
            b"[::1]a",
            b"[::1]80",
            b"a[::1]",
            b"[1.2.3.4]",
            b"[a]",
            b"[v1.a]",
            b"[::%1]",
        ),
    ],
)
def test_an_authority_is_refused(authority: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        check_authority(authority)


@pytest.mark.parametrize(
    ("target", "parts"),
    [
        (b"http://a.test", (b"/", b"http", b"a.test")),
        (b"http://a.test/", (b"/", b"http", b"a.test")),
        (b"HTTPS://A.test:1/b//c?d?e", (b"/b//c?d?e", b"https", b"A.test:1")),
        (b"http://[::1]?http://b/", (b"/?http://b/", b"http", b"[::1]")),
        (b"/http://b/", (b"/http://b/", b"http", b"")),
    ],
)
def test_a_target_is_taken_apart(target: bytes, parts: tuple[bytes, bytes, bytes]) -> None:
    line = parse_request_line(b"GET " + target + b" HTTP/1.1")

    assert (line.target, line.scheme, line.authority) == parts


@pytest.mark.parametrize("line", [b"X: \x80\xff", b"x:\t a \t", b"!#$%&'*+-.^_`|~: a", b"x:", b"x: :a:"])
def test_a_header_line_is_accepted(line: bytes) -> None:
    name, _, value = line.partition(b":")

    assert parse_field_line(line) == (name.lower(), value.strip())


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (b"gzip", 501),
        (b"identity", 501),
        (b"gzip, Chunked", 501),
        (b"chunked, gzip", 400),
        (b"chunked, chunked", 400),
        (b"gzip, chunked, chunked", 400),
        (b"chunked,", 400),
        (b",chunked", 400),
        (b"", 400),
        (b",", 400),
        (b'"chunked"', 400),
        (b"chunked;a", 400),
        (b"chunked\x0b", 400),
        (b"\xa0chunked", 400),
    ],
)
def test_a_coding_that_is_not_spoken_is_told_from_one_that_is_wrong(value: bytes, status: int) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        check_transfer_encoding(value)

    assert caught.value.status == status


def test_the_longest_length_is_that_of_a_signed_64_bit_number() -> None:
    assert parse_content_length(b"9223372036854775807") == 2**63 - 1
    assert parse_chunk_line(b"7fffffffffffffff") == 2**63 - 1


@pytest.mark.parametrize(
    "value",
    [b"9223372036854775808", b"0" * 20, b"", b" 5", b"5 ", b"-0", b"+0", b"1_0", b"0x1", b"1e1", b"\xd9\xa5", b"5\n"],
)
def test_a_length_is_refused(value: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_content_length(value)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK\n", b"HTTP/1.1 200 O\r", b"HTTP/1.1 200\t", b"HTTP/1.1 2000"])
def test_a_status_line_is_refused(line: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_status_line(line)


@pytest.mark.parametrize("data", [b"a\r\nb", b"a\r", b"\ta", b"\xff\x80"])
def test_bytes_that_a_head_may_have_pass(data: bytes) -> None:
    check_lines_start(data, 0)


@pytest.mark.parametrize(
    ("data", "start"), [(b"\n", 0), (b"a\rb", 0), (b"a\r\r", 1), (b"\x00", 0), (b"a\x7f", 1), (b"a\n", 1)]
)
def test_bytes_that_no_head_may_have_are_refused(data: bytes, start: int) -> None:
    with pytest.raises(RemoteProtocolError):
        check_lines_start(data, start)


def test_a_line_feed_is_judged_by_what_came_before_the_start() -> None:
    check_lines_start(b"a\r\nb", 2)


def test_a_refusal_quotes_no_more_than_a_little() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_request_line(b"\x1b" * 5000)

    assert len(str(caught.value)) < 300
    assert "\x1b" not in str(caught.value)


def test_a_password_in_a_target_is_not_quoted() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        parse_request_line(b"GET http://me:secret@a.test/ HTTP/1.1")

    assert "secret" not in str(caught.value)
