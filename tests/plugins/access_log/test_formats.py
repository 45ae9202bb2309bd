"""The formats that have a name."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh import EMPTY, HttpReply, TraceId
from mesh_plugins.access_log.formats import LogFormat, read_format
from tests.plugins.access_log.exchanges import a_request, an_exchange, routed


@pytest.fixture(autouse=True)
def _in_greenwich(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "GMT")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def line(form: str, **more: Any) -> str:
    request = routed(a_request(body=b"question", user_agent="curl/7.1", referer="http://a/"))
    request.context.trace = TraceId.of(1, trace=0xABC)
    return read_format(form)(await an_exchange(request, None, **more))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (
            "linkerd",
            'monkeys 10.0.0.9 - - [06/01/2016:21:21:27 GMT] "GET /foo?bar=bah HTTP/1.1" 200 5 "http://a/" "curl/7.1"',
        ),
        ("common", '10.0.0.9 - - [06/Jan/2016:21:21:26 +0000] "GET /foo?bar=bah HTTP/1.1" 200 5'),
        (
            "combined",
            '10.0.0.9 - - [06/Jan/2016:21:21:26 +0000] "GET /foo?bar=bah HTTP/1.1" 200 5 "http://a/" "curl/7.1"',
        ),
    ],
)
async def test_a_line_is_that_of_its_format(form: str, expected: str) -> None:
    assert await line(form) == expected


async def test_json_has_everything_that_is_known() -> None:
    assert json.loads(await line("json", flags="UC upstream_broken")) == {
        "time": "2016-01-06T21:21:26.250Z",
        "duration_ms": 1500.0,
        "head_ms": 500.0,
        "peer": "10.0.0.9:5555",
        "method": "GET",
        "target": "/foo?bar=bah",
        "protocol": "HTTP/1.1",
        "host": "monkeys",
        "status": 200,
        "flags": "UC",
        "detail": "upstream_broken",
        "bytes_received": 8,
        "bytes_sent": 5,
        "service": "/svc/web",
        "client": "/#/io.l5d.fs/web",
        "endpoint": "10.0.0.1:80",
        "attempts": 2,
        "trace_id": "0000000000000abc",
        "referer": "http://a/",
        "user_agent": "curl/7.1",
    }


async def test_json_of_a_request_that_led_nowhere_has_nulls() -> None:
    shown = json.loads(read_format("json")(await an_exchange()))

    assert [shown[name] for name in ("service", "client", "endpoint", "trace_id", "referer", "flags")] == [None] * 6
    assert shown["attempts"] == 0


@pytest.mark.parametrize(
    "form", ["linkerd", "common", "combined", "json", "%REQ(USER-AGENT)% %REQ(HOST)% %REQ(:PATH)%"]
)
async def test_no_client_can_forge_a_line(form: str) -> None:
    evil = 'x" 200 - "evil\t\x1b[31m\n10.0.0.1 - -'
    request = a_request(b'/\x1b"', user_agent=evil, referer=evil)
    request.headers[0] = (b"host", evil.encode())

    shown = read_format(form)(await an_exchange(request))

    assert shown.isprintable()
    if form == "json":
        assert json.loads(shown)["user_agent"] == evil
    else:
        assert ' "evil' not in shown


@pytest.mark.parametrize("reply", [HttpReply(200, [], EMPTY)])
async def test_nothing_sent_is_a_dash_where_apache_says_so(reply: HttpReply) -> None:
    assert read_format("common")(await an_exchange(reply=reply)).endswith('" 200 -')


async def test_linkerds_own_case_is_answered_to_the_letter() -> None:
    case = yaml.safe_load((Path(__file__).parents[2] / "conformance/http1/access_log.yaml").read_text())["cases"][0]
    given = case["given"]
    reply = HttpReply(given["response"]["status"])
    reply.declared_size = int(given["response"]["headers"]["Content-Length"])
    request = a_request(given["request"]["uri"].encode(), given["request"]["method"].encode())

    request.context.peer = f"{given['client_ip']}:1234"

    exchange = await an_exchange(request, reply, ended=given["time_unix"])

    assert read_format("linkerd")(exchange) == case["expect"]["line"]


def test_a_format_without_operators_that_has_no_name_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no format jsn; expected one of linkerd, common, combined, json, or"):
        LogFormat.read("jsn")


def test_a_format_is_read_as_it_is_written() -> None:
    assert LogFormat.read("%DURATION%") == "%DURATION%"
