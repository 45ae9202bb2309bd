"""linkerd's cases of fields, filters and errors, through a running proxy or by the function that does it.

Answered otherwise on purpose: a total timeout is 504 and not 503, as RFC 9110 section 15.6.5 has it (error-008). Elsewhere:
the access log (http-filter-025) in tests/plugins/access_log, deadlines (l5d-header-010) in tests/plugins/http/test_deadline.py.
"""

import pathlib
import re
from collections.abc import Mapping
from typing import Any

import pytest
import trio
import yaml
from trio.testing import MockClock

from mesh import (
    BOUND,
    ENDPOINT,
    AddrBound,
    BoundName,
    Endpoint,
    Fields,
    Fixed,
    HttpReply,
    HttpRequest,
    Params,
    Path,
    TotalTimeout,
    UpstreamProtocolError,
)
from mesh.metrics import flat
from mesh_plugins.http.destination import Destination
from mesh_plugins.http.errors import status_of
from mesh_plugins.http.forwarded import Forwarded, Labelers
from mesh_plugins.http.rewrite_host import REWRITE_HOST
from mesh_plugins.http.sampling import sample_rate
from tests.e2e.raw import Message, chunked, reply, request
from tests.e2e.stubs import Stub, answering, stub
from tests.proxies import proxy, stack

CASES = {
    case["id"]: case for case in yaml.safe_load((pathlib.Path(__file__).parent / "linkerd.yaml").read_text())["cases"]
}
ELSEWHERE = {"http-filter-025", "l5d-header-010"}
BY_FUNCTION = {"error-008", "error-009", "http-filter-001", "http-filter-002", "http-filter-021", "l5d-header-013"}
RATES = {name for name in CASES if name.startswith("l5d-header-00") and name < "l5d-header-009"}
OF_SEVERAL_REQUESTS = {"error-013", "error-015"}
PROXIED = sorted(set(CASES) - ELSEWHERE - BY_FUNCTION - RATES - OF_SEVERAL_REQUESTS)
CLOSED = 1  # a port on which nothing listens


async def _asked(case: dict[str, Any]) -> tuple[Message, Stub, Mapping[str, object]]:
    """Send the request of a case; return what was answered, the endpoint, and the metrics."""
    given = case["given"]
    server = dict(given.get("server", {}))
    server |= {name: given[name] for name in ("addForwardedHeader", "maxCallDepth") if name in given}
    async with stub(answering(_reply(given.get("response", {})))) as endpoint:
        is_closed = given.get("endpoint") == "closed" or "1234" in given.get("dtab", "")
        port = CLOSED if is_closed else endpoint.port
        dtab = re.sub(r"<\w+>|1234[^;]*", str(port), given.get("dtab", f"/svc => /$/inet/127.0.0.1/{port}"))
        async with proxy(stack(dtab, server=server), warnings=True) as running, running.connect() as client:
            await client.send(_request(given.get("request", {})))
            answer = await client.reply()
            return answer, endpoint, flat(running.linker.metrics)


def _reply(given: dict[str, Any]) -> bytes:
    if given.get("chunked"):
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"Chunked", b"Response")
    return reply(body=b"meow")


def _request(given: dict[str, Any]) -> bytes:
    fields = {"Host": "dog"} | given.get("headers", {})
    lines = [f"{given.get('method', 'GET')} {given.get('uri', '/')} HTTP/{given.get('version', '1.1')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode()


@pytest.mark.parametrize("name", PROXIED)
async def test_a_request_is_treated_as_linkerd_treats_it(name: str) -> None:
    case = CASES[name]
    expect = case["expect"]

    answer, endpoint, counters = await _asked(case)

    assert answer.status == expect.get("status", answer.status)
    assert answer.body.decode() == expect.get("body", answer.body.decode())
    assert expect.get("body_contains", "") in answer.body.decode()
    for header, value in expect.get("returned_headers", {}).items():
        assert answer.value(header.lower().encode()) == value.encode()
    assert [item for item in expect.get("returned_headers_present", []) if not answer.values(item.encode())] == []
    assert [item for item in expect.get("returned_headers_absent", []) if answer.values(item.encode())] == []
    for path, number in expect.get("counters", {}).items():
        assert counters[path] == number
    _check_sent(case, endpoint)


def _check_sent(case: dict[str, Any], endpoint: Stub) -> None:
    """Check what the endpoint was told."""
    expect = case["expect"]
    if not endpoint.requests:
        assert not {name for name in expect if name.startswith("forward")}
        return
    sent = endpoint.requests[0]
    for header, value in expect.get("forwarded_headers", {}).items():
        assert sent.value(header.lower().encode()) == value.encode()
    assert sent.target.decode() == expect.get("forwarded_uri", sent.target.decode())
    own = {name.decode() for name, _value in sent.fields if name.startswith(b"l5d-")}
    assert own == set(expect.get("forwarded_l5d_headers_exactly", own))
    annotations = expect.get("annotations")
    if annotations:
        assert sent.value(b"l5d-dst-service") == annotations["service"].encode()
        assert sent.value(b"l5d-dst-client") == annotations["client"].replace("<cat>", str(endpoint.port)).encode()
        assert sent.values(b"l5d-dst-residual") == []
    if "forwarded_params" in expect:
        ends = dict(item.split("=", 1) for item in (sent.value(b"forwarded") or b"").decode().split(";"))
        assert all(re.match(rule["matches"], ends[end]) for end, rule in expect["forwarded_params"].items())
        assert (ends["by"] != ends["for"]) == expect["by_differs_from_for"]


@pytest.mark.parametrize("name", sorted(RATES))
def test_a_rate_is_read_as_linkerd_reads_it(name: str) -> None:
    case = CASES[name]

    assert sample_rate(case["given"]["request"]["headers"]["l5d-sample"].encode()) == case["expect"]["sample_rate"]


@pytest.mark.parametrize("name", ["http-filter-001", "http-filter-002"])
async def test_a_field_forwarded_is_written_as_linkerd_writes_it(name: str) -> None:
    given, expect = CASES[name]["given"], CASES[name]["expect"]
    headers = [(key.lower().encode(), value.encode()) for key, value in given["request"]["headers"].items()]
    labelers = Labelers(lambda _address, _end: str(given["by"]), lambda _address, _end: str(given["for"]))

    sent = await _through(Forwarded(labelers), headers)

    assert [value for key, value in sent if key == b"forwarded"] == [
        value.encode() for value in expect["headers"]["Forwarded"]
    ]


async def test_an_authority_takes_the_place_of_the_host() -> None:
    case = CASES["http-filter-021"]
    endpoint = Endpoint("10.0.0.1", 80)
    addr = AddrBound((endpoint,), case["given"]["addr_meta"])
    params = Params().put(ENDPOINT, endpoint).put(BOUND, BoundName(Path.read("/id"), Path(()), Fixed(addr)))
    seen: list[Fields] = []

    async def service(request: HttpRequest, /) -> HttpReply:
        seen.append(request.headers)
        return HttpReply(200)

    await REWRITE_HOST.wrap(params, lambda _params: service)(HttpRequest(b"GET", b"/", [(b"host", b"monkeys")]))

    assert seen == [[(b"host", case["expect"]["forwarded_headers"]["Host"].encode())]]


async def test_an_empty_residual_is_left_out() -> None:
    expect = CASES["l5d-header-013"]["expect"]
    request = HttpRequest(b"GET", b"/", [])
    request.context.path = Path.read("/svc/web")
    request.context.bound = BoundName(Path.read("/id"), Path(()), Fixed(AddrBound(())))

    sent = dict(await _through(Destination(Path.read("/id")), [], request))

    assert sent[b"l5d-dst-client"].decode() == expect["forwarded_headers"]["l5d-dst-client"]
    assert [name for name in expect["forwarded_headers_absent"] if name.encode() in sent] == []


async def _through(filter_: Any, headers: Fields, request: HttpRequest | None = None) -> Fields:
    request = HttpRequest(b"GET", b"/", headers) if request is None else request

    async def service(_request: HttpRequest, /) -> HttpReply:
        return HttpReply(200)

    await filter_(request, service)
    return request.headers


def test_errors_have_linkerds_statuses_but_for_timeouts() -> None:
    assert status_of(UpstreamProtocolError("badly framed")) == CASES["error-009"]["expect"]["status"]
    assert (status_of(TotalTimeout("1 s")), CASES["error-008"]["expect"]["status"]) == (504, 503)


async def test_failures_are_counted_on_both_sides() -> None:
    case = CASES["error-013"]
    statuses = {step["uri"].encode(): step["response"] for step in case["given"]["request_sequence"]}

    def answer(message: Message) -> bytes:
        return reply(statuses[message.target])

    async with (
        stub(answering(answer)) as endpoint,
        proxy(stack(f"/svc => /$/inet/127.1/{endpoint.port}"), warnings=True) as running,
        running.connect() as client,
    ):
        for target in statuses:
            await client.send(request(target=target.decode(), host="dog"))
            assert (await client.reply()).status == statuses[target]
        counters = flat(running.linker.metrics)

    for path, number in case["expect"]["counters"].items():
        assert counters[path.replace("<port>", str(endpoint.port))] == number, path


@pytest.mark.parametrize(
    ("session", "counted"),
    [({"idleTimeMs": 150, "lifeTimeMs": 3000}, "idle"), ({"idleTimeMs": 3000, "lifeTimeMs": 150}, "lifetime")],
)
async def test_old_and_idle_connections_are_closed_and_counted(
    session: dict[str, int], counted: str, idle_clock: MockClock
) -> None:
    """linkerd's case waits ten times as long, and has its counterpart for the age in the same file of linkerd's."""
    expect = CASES["error-015"]["expect"]
    scope = "rt/http/server/127.0.0.1/0"
    async with (
        stub() as endpoint,
        proxy(stack(endpoint.port, server={"serverSession": session})) as running,
        running.connect() as client,
    ):
        await client.send(request(host="century"))
        await client.reply()
        before = flat(running.linker.metrics)[f"{scope}/connections"]
        assert await client.is_closed()
        with trio.fail_after(5):
            while flat(running.linker.metrics)[f"{scope}/connections"]:
                await trio.sleep(0.01)
        counters = flat(running.linker.metrics)

    assert [before, 0.0] == expect["gauge_sequence"][f"{scope}/connections"]
    assert counters[f"{scope}/connects"] == expect["counters"][f"{scope}/connects"]
    assert {name: counters[f"{scope}/{name}"] for name in ("idle", "lifetime")} == {
        "idle": counted == "idle",
        "lifetime": counted == "lifetime",
    }
