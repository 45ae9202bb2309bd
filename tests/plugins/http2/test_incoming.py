import pytest

from mesh import RemoteProtocolError
from mesh_plugins.http2.incoming import COOKIE, DROPPED, HOST, KINDS, LENGTH, METHOD, PATH, SECRET, classify


@pytest.mark.parametrize(
    ("name", "value", "kind"),
    [
        (b"x-a", b"b", 0),
        (b"x-a", b"", 0),
        (b"x-a", b"a\tb \xc3\xa9", 0),
        (b":method", b"BREW", METHOD),
        (b":path", b"/a?b=%00", PATH),
        (b":path", b"*", PATH),
        (b"host", b"a.test:80", HOST),
        (b"content-length", b"0", LENGTH),
        (b"cookie", b"a=b", COOKIE | SECRET),
        (b"authorization", b"Basic x", SECRET),
        (b"te", b"trailers", DROPPED),
        (b"trailer", b"x-a", DROPPED),
        (b"proxy-authorization", b"x", DROPPED | SECRET),
    ],
)
def test_a_field_that_is_right_has_its_kind(name: bytes, value: bytes, kind: int) -> None:
    assert classify((name, value)) == kind


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"", b"1"),
        (b"X-A", b"1"),
        (b"x a", b"1"),
        (b"x\0", b"1"),
        (b"x:a", b"1"),
        (b"x\xe9", b"1"),
        (b"x-a", b"b\r\nx-evil: 1"),
        (b"x-a", b"b\nc"),
        (b"x-a", b"b\rc"),
        (b"x-a", b"b\0c"),
        (b"x-a", b"b\x7f"),
        (b"x-a", b" b"),
        (b"x-a", b"b\t"),
        (b"connection", b"close"),
        (b"keep-alive", b"1"),
        (b"proxy-connection", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"upgrade", b"h2c"),
        (b"http2-settings", b"AAMAAABk"),
        (b"te", b"gzip"),
        (b"te", b"trailers, gzip"),
        (b"content_length", b"1"),
        (b"transfer_encoding", b"chunked"),
        (b"content-length", b"+1"),
        (b"content-length", b"1,1"),
        (b"content-length", b"99999999999999999999"),
        (b"content-length", b""),
        (b"host", b"u@a.test"),
        (b":authority", b"u@a.test"),
        (b":authority", b"a.test\r\nx-evil: 1"),
        (b":authority", b""),
        (b":path", b""),
        (b":path", b"a"),
        (b":path", b"/a b"),
        (b":path", b"/a#b"),
        (b":path", b"/%00"),
        (b":path", b"/\x80"),
        (b":path", b"http://a.test/"),
        (b":scheme", b"http://evil/?"),
        (b":scheme", b"HTTP"),
        (b":scheme", b""),
        (b":method", b""),
        (b":method", b"G T"),
        (b":method", b"A" * 65),
        (b":status", b"0200"),
        (b":status", b"099"),
        (b":status", b"2xx"),
        (b":protocol", b"websocket"),
        (b":foo", b"bar"),
        (b":Path", b"/"),
    ],
)
def test_a_field_that_is_wrong_is_refused(name: bytes, value: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        classify((name, value))


def test_an_id_is_checked_and_not_remembered() -> None:
    before = len(KINDS)

    kinds = [KINDS[b"x-request-id", b"%d" % number] for number in range(10)]

    assert kinds == [0] * 10
    assert len(KINDS) == before
    with pytest.raises(RemoteProtocolError):
        KINDS[b"x-request-id", b"1\r\n2"]


def test_a_secret_is_not_remembered() -> None:
    for _ in range(3):
        assert KINDS[b"cookie", b"secret=1"] == COOKIE | SECRET

    assert (b"cookie", b"secret=1") not in KINDS
