"""Operators of Envoy's format language."""

import socket

import pytest

from mesh import HttpReply, TraceId
from mesh.testing import Trickle
from mesh_plugins.access_log.formats import read_format
from mesh_plugins.http.gathered import Trailed
from tests.plugins.access_log.exchanges import a_request, an_exchange, routed


async def shown(form: str) -> str:
    request = routed(a_request(body=b"question", user_agent='x" y', x_empty="", referer="http://a/?q=1"))
    reply = HttpReply(200, [(b"server", b"nginx")], b"hello")
    request.context.trace = TraceId.of(1, trace=0xABC)
    exchange = await an_exchange(request, reply, flags="UF connect")
    return read_format(form)(exchange)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%START_TIME%", "2016-01-06T21:21:26.250Z"),
        ("%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%", "2016/01/06T21:21:26+0000 1452115286"),
        ("%START_TIME(%s.%3f)% %START_TIME(%6f)% %START_TIME(%9f|)%", "1452115286.250 250000 250000000|"),
        ("%DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION%", "1500 500 1000"),
        ("%PROTOCOL% %RESPONSE_CODE%", "HTTP/1.1 200"),
        ("%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%", "UF connect"),
        ("%BYTES_RECEIVED% %BYTES_SENT%", "8 5"),
        ("%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME%", "10.0.0.1:80 /#/io.l5d.fs/web /svc/web"),
        ("%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "2"),
        ("%DYNAMIC_METADATA(thrift.proxy:cluster)%", "/#/io.l5d.fs/web"),
        ("%DYNAMIC_METADATA(thrift.proxy:cluster_name):3%", "/#/"),
        ("%DYNAMIC_METADATA(thrift.proxy:method)%", "-"),
        ("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%", "10.0.0.9:5555 10.0.0.9"),
        ("%TRACE_ID% %HOSTNAME%", f"0000000000000abc {socket.gethostname()}"),
        ("%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(:SCHEME)%", "GET /foo?bar=bah monkeys http"),
        ("%REQ(X-ENVOY-ORIGINAL-PATH?:PATH):4%", "/foo"),
        ("%REQ(X-EMPTY?Host)% %REQ(x-empty)% %REQ(none)%", "monkeys - -"),
        ('"%REQ(User-Agent)%"', '"x\\" y"'),
        ("%REQ_WITHOUT_QUERY(Referer)% %REQ_WITHOUT_QUERY(:path)%", "http://a/ /foo"),
        ("%RESP(Server)% %RESP(x?SERVER)%", "nginx nginx"),
        ("100%% %RESPONSE_CODE% %%s", "100% 200 %s"),
    ],
)
async def test_an_operator_shows_its_part(form: str, expected: str) -> None:
    assert await shown(form) == expected


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("%GRPC_STATUS%", "NotFound"),
        ("%GRPC_STATUS(CAMEL_STRING)%", "NotFound"),
        ("%GRPC_STATUS(SNAKE_STRING):3%", "NOT"),
        ("%GRPC_STATUS(NUMBER)%", "5"),
        ("%TRAILER(grpc-message)% %TRAILER(x?Grpc-Status)%", "gone 5"),
    ],
)
@pytest.mark.parametrize("is_whole", [True, False], ids=["whole", "stream"])
async def test_the_status_of_a_call_stands_in_its_trailers(form: str, expected: str, is_whole: bool) -> None:
    trailers = [(b"grpc-status", b"5"), (b"grpc-message", b"gone")]
    body = Trailed(b"", trailers) if is_whole else Trickle(b"a", trailers=trailers)

    exchange = await an_exchange(a_request(), HttpReply(200, [], body))

    assert read_format(form)(exchange) == expected


@pytest.mark.parametrize(("status", "expected"), [(b"0", "OK"), (b"14", "Unavailable")])
async def test_or_in_its_headers(status: bytes, expected: str) -> None:
    exchange = await an_exchange(a_request(), HttpReply(200, [(b"grpc-status", status)]))

    assert read_format("%GRPC_STATUS%")(exchange) == expected


async def test_what_is_not_there_is_a_dash() -> None:
    exchange = await an_exchange()

    line = read_format(
        "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %UPSTREAM_HOST% %UPSTREAM_CLUSTER% %ROUTE_NAME% %TRACE_ID% "
        "%UPSTREAM_REQUEST_ATTEMPT_COUNT% %GRPC_STATUS% %TRAILER(x)%"
    )(exchange)

    assert line == "- - - - - - 0 - -"


async def test_an_ipv6_client_has_no_brackets() -> None:
    request = a_request()
    request.context.peer = "[::1]:80"

    exchange = await an_exchange(request)

    assert read_format("%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%")(exchange) == "::1"


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ("%DURATIN%", "there is no operator %DURATIN%; did you mean %DURATION%?"),
        ("%QQQ%", "there is no operator %QQQ%; there are: START_TIME, "),
        ("%REQ%", "%REQ% needs the name of a header"),
        ("%REQ(a b)%", "%REQ% needs the name of a header"),
        ("%GRPC_STATUS(HEX)%", "%GRPC_STATUS% takes CAMEL_STRING, SNAKE_STRING or NUMBER"),
        ("%DURATION(x)%", "%DURATION% takes no argument"),
        (
            "%DYNAMIC_METADATA%",
            "%DYNAMIC_METADATA% needs `thrift.proxy:` and a key of Thrift's: one of cluster, method, ",
        ),
        ("%DYNAMIC_METADATA(thrift.proxy:x)%", "%DYNAMIC_METADATA% needs `thrift.proxy:`"),
        ("%DYNAMIC_METADATA(method)%", "%DYNAMIC_METADATA% needs `thrift.proxy:`"),
        ("a %DURATION", "no operator begins at `%DURATION`"),
    ],
)
def test_a_format_that_cannot_be_read_is_refused(form: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  the message is compared
        read_format(form)

    assert str(caught.value).startswith(message)
