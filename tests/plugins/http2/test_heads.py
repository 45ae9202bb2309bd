import pytest

from mesh import Fields, RemoteProtocolError
from mesh_plugins.http2.heads import read_reply, read_request, read_trailers

METHOD, SCHEME, PATH, AUTHORITY = (
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":path", b"/"),
    (b":authority", b"a.test"),
)
START = [METHOD, SCHEME, PATH, AUTHORITY]


def test_a_request_has_its_authority_for_a_host() -> None:
    (method, target, scheme, headers, size), is_secret = read_request([*START, (b"x-a", b"1")])

    assert (method, target, scheme, size, is_secret) == (b"GET", b"/", b"http", None, False)
    assert headers == [(b"host", b"a.test"), (b"x-a", b"1")]


def test_a_host_will_do_where_there_is_no_authority() -> None:
    request, _ = read_request([METHOD, SCHEME, PATH, (b"x-a", b"1"), (b"host", b"b.test")])

    assert request.headers == [(b"host", b"b.test"), (b"x-a", b"1")]


def test_a_host_may_repeat_the_authority() -> None:
    request, _ = read_request([*START, (b"host", b"A.test")])

    assert request.headers == [(b"host", b"a.test")]


def test_the_size_is_taken_off() -> None:
    request, _ = read_request([*START, (b"content-length", b"7")])

    assert (request.size, request.headers) == (7, [(b"host", b"a.test")])


def test_the_crumbs_of_a_cookie_are_joined() -> None:
    request, is_secret = read_request([*START, (b"cookie", b"a=1"), (b"x-a", b"1"), (b"cookie", b"b=2")])

    assert request.headers[1:] == [(b"x-a", b"1"), (b"cookie", b"a=1; b=2")]
    assert is_secret


def test_fields_of_a_connection_do_not_travel_on() -> None:
    request, _ = read_request([*START, (b"te", b"trailers"), (b"trailer", b"x")])

    assert request.headers == [(b"host", b"a.test")]


def test_the_target_of_a_connect_is_its_authority() -> None:
    request, _ = read_request([(b":method", b"CONNECT"), (b":authority", b"a.test:443")])

    assert (request.method, request.target) == (b"CONNECT", b"a.test:443")


def test_a_star_is_the_target_of_options() -> None:
    request, _ = read_request([(b":method", b"OPTIONS"), SCHEME, (b":path", b"*"), AUTHORITY])

    assert request.target == b"*"


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="nothing"),
        pytest.param([METHOD, SCHEME, AUTHORITY], id="no path"),
        pytest.param([METHOD, PATH, AUTHORITY], id="no scheme"),
        pytest.param([SCHEME, PATH, AUTHORITY], id="no method"),
        pytest.param([METHOD, SCHEME, PATH], id="neither authority nor host"),
        pytest.param([METHOD, *START], id="a pseudo field twice"),
        pytest.param([METHOD, SCHEME, (b"x-a", b"1"), PATH, AUTHORITY], id="a pseudo field late"),
        pytest.param([METHOD, SCHEME, PATH, (b"host", b"a.test"), AUTHORITY], id="a pseudo field after host"),
        pytest.param([METHOD, SCHEME, PATH, (b"te", b"trailers"), AUTHORITY], id="a pseudo field after te"),
        pytest.param([*START, (b":status", b"200")], id="a status"),
        pytest.param([*START, (b"host", b"b.test")], id="a host that is another"),
        pytest.param([*START, (b"host", b"a.test"), (b"host", b"a.test")], id="host twice"),
        pytest.param([*START, (b"content-length", b"0"), (b"content-length", b"5")], id="two sizes"),
        pytest.param([*START, (b"content-length", b"5"), (b"content-length", b"5")], id="the same size twice"),
        pytest.param([METHOD, SCHEME, (b":path", b"*"), AUTHORITY], id="a star in a GET"),
        pytest.param([(b":method", b"CONNECT"), SCHEME, PATH, AUTHORITY], id="a CONNECT with a path"),
        pytest.param([(b":method", b"CONNECT"), (b"host", b"a.test")], id="a CONNECT without authority"),
        pytest.param([(b":method", b"CONNECT"), (b":protocol", b"websocket"), *START[1:]], id="an extended CONNECT"),
        pytest.param([*START, (b"transfer-encoding", b"chunked")], id="a coding"),
    ],
)
def test_a_request_that_is_malformed_is_refused(fields: Fields) -> None:
    with pytest.raises(RemoteProtocolError):
        read_request(fields)


def test_a_reply_has_its_status() -> None:
    (status, headers, size), is_secret = read_reply(
        [(b":status", b"200"), (b"x-a", b"1"), (b"content-length", b"3"), (b"set-cookie", b"a=1")]
    )

    assert (status, size, is_secret) == (200, 3, True)
    assert headers == [(b"x-a", b"1"), (b"set-cookie", b"a=1")]


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param([], id="nothing"),
        pytest.param([(b"x-a", b"1")], id="no status"),
        pytest.param([(b":status", b"200"), (b":status", b"200")], id="two statuses"),
        pytest.param([(b"x-a", b"1"), (b":status", b"200")], id="a late status"),
        pytest.param([(b":status", b"101")], id="a status that HTTP/2 does not have"),
        pytest.param([(b":status", b"200"), (b":path", b"/")], id="a path"),
        pytest.param([(b":status", b"200"), (b"x-a", b"1\r\nx-b: 2")], id="a line end"),
        pytest.param([(b":status", b"200"), (b"content-length", b"1"), (b"content-length", b"2")], id="two sizes"),
    ],
)
def test_a_reply_that_is_malformed_is_refused(fields: Fields) -> None:
    with pytest.raises(RemoteProtocolError):
        read_reply(fields)


def test_trailers_lose_what_must_not_come_late() -> None:
    trailers, _ = read_trailers([(b"grpc-status", b"0"), (b"content-length", b"3"), (b"host", b"a.test")])

    assert trailers == [(b"grpc-status", b"0")]


def test_a_pseudo_field_in_trailers_is_refused() -> None:
    with pytest.raises(RemoteProtocolError):
        read_trailers([(b":path", b"/evil")])
