"""What linkerd's own end-to-end tests expect of errors and retries, through a running proxy, case by case.

Where a case has `here`, that is what we answer on purpose, and `why`. CONNECT, one of the methods of a case, opens tunnels
here.
"""

from pathlib import Path
from typing import Any

import pytest
import trio
import yaml
from trio.testing import MockClock

from tests.e2e.raw import Message, RawConnection, chunked, reply, request
from tests.e2e.stubs import Behaviour, Stub, stub
from tests.plugins.rest import numbers
from tests.proxies import Proxy, proxy, stack

pytestmark = pytest.mark.slow

# A case's own shape depends on its title, so it is `Any` until the test takes it apart.
Case = Any

CASES = {case["id"]: case for case in yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text())}
BROKEN = b""  # for an answer: close the connection instead
SLOW = b"slow"  # for an answer: wait, longer than an attempt may take


def expected(case: Case) -> Case:
    return case.get("here", case["expect"])


def in_turn(*answers: bytes) -> Behaviour:
    """Give the answers in order, whatever the connection; the last again and again."""
    left = list(answers)

    async def behave(it: Stub, connection: RawConnection) -> None:
        while (asked := await connection.message()) is not None:
            it.requests.append(asked)
            answer = left.pop(0) if len(left) > 1 else left[0]
            if answer == BROKEN:
                return
            if answer == SLOW:
                await trio.sleep_forever()
            await connection.send(answer)

    return behave


def counters(running: Proxy, port: int) -> dict[str, float]:
    """Return the metrics, with the ports that a case knows its server and its endpoint by."""
    found = numbers(running.linker.metrics)
    return {
        name.replace(f"/127.0.0.1/{running.ports[0]}", "/127.0.0.1/0")
        .replace(f"/127.1/{port}", "/127.1/<port>")
        .replace(f"/127.0.0.1/{port}", "/127.1/<port>"): number
        for name, number in found.items()
    }


async def ask(client: RawConnection, method: str = "GET", host: str = "web", *lines: str) -> Message:
    await client.send(request(method, "/", *lines, host=host))
    return await client.reply(bodiless=method == "HEAD")


async def test_a_request_is_routed() -> None:
    expect = expected(CASES["error-001"])
    async with stub(in_turn(reply(body=b"meow"))) as cat:
        dtab = CASES["error-001"]["given"]["dtab"].replace("<cat>", str(cat.port)) + ";"
        async with proxy(stack(dtab)) as running, running.connect() as client:
            answer = await ask(client, host="felix")
            (seen,) = cat.requests

    assert (answer.status, answer.body.decode()) == (expect["status"], expect["body"])
    assert seen.value(b"l5d-dst-service") == expect["annotations"]["service"].encode()


async def test_a_name_that_leads_nowhere_is_an_error() -> None:
    case = CASES["error-002"]
    async with proxy(stack(case["given"]["dtab"] + ";")) as running, running.connect() as client:
        answer = await ask(client, host="ralph-machio")

    assert answer.status == expected(case)["status"]
    assert answer.value(b"l5d-err") is not None


async def test_an_endpoint_that_refuses_connections_counts_as_a_failure() -> None:
    expect = expected(CASES["error-004"])
    async with stub() as gone:
        gone.kill()
        await trio.testing.wait_all_tasks_blocked()
        async with proxy(stack(gone.port)) as running, running.connect() as client:
            answer = await ask(client, host="dog")
            found = counters(running, gone.port)

    assert answer.status == expect["status"]
    assert {name: found[name] for name in expect["counters"]} == expect["counters"]


async def test_too_many_hops_are_refused() -> None:
    expect = expected(CASES["error-010"])
    server = {"maxCallDepth": 2}
    async with proxy(stack(1, server=server)) as running, running.connect() as client:
        answer = await ask(client, "GET", "web", "Via: hop1, hop2, hop3")

    assert (answer.status, answer.body.decode().strip()) == (expect["status"], expect["body"])


async def test_a_500_counts_as_a_failure_of_server_and_client() -> None:
    expect = expected(CASES["error-013"])
    async with (
        stub(in_turn(reply(200), reply(500))) as it,
        proxy(stack(f"/svc => /$/inet/127.1/{it.port};")) as running,
        running.connect() as client,
    ):
        for _ in range(2):
            await ask(client)
        found = counters(running, it.port)

    assert {name: found[name] for name in expect["counters"]} == expect["counters"]


@pytest.mark.parametrize("method", [name for name in CASES["classifier-005"]["given"]["methods"] if name != "CONNECT"])
async def test_reads_are_retried_and_others_not(method: str) -> None:
    case = CASES["classifier-005"]
    expect = expected(case)["for_retryable_methods"]
    is_retried = method in expect["methods"]
    if not is_retried:
        expect = expected(case)["for_other_methods"]
    settings = {"responseClassifier": case["given"]["classifier"]}
    async with (
        stub(in_turn(reply(500, body=b""), reply(200, body=b""))) as it,
        proxy(stack(it.port, service=settings)) as running,
        running.connect() as client,
    ):
        answer = await ask(client, method)
        found = counters(running, it.port)

    (client_scope,) = {name.rpartition("/")[0] for name in found if name.endswith("/connects") and "/client/" in name}
    assert (answer.status, found[f"{client_scope}/requests"]) == (expect["status"], expect["client_requests"])
    assert [found["rt/http/service/svc/web/retries/per_request.max"]] == expect["service_retries_per_request"]
    assert found["rt/http/service/svc/web/retries/total"] == expect.get("service_retries_total", 0)


async def test_the_requeue_budget_earns_on_successes() -> None:
    case = CASES["retry-001"]
    given, expect = case["given"], expected(case)
    answers = [BROKEN if answer == "write-error" else reply() for answer in given["upstream"][:-1]]
    found = []
    async with (
        stub(in_turn(*answers)) as it,
        proxy(stack(it.port, client=given["client"], service=given["service"])) as running,
    ):
        statuses = []
        for number in range(5):
            if number == 4:
                it.kill()
                await trio.testing.wait_all_tasks_blocked()
            async with running.connect() as client:
                statuses.append((await ask(client)).status)
            found.append(numbers(running.linker.metrics, f"rt/http/client/$/inet/127.0.0.1/{it.port}/retries"))

    assert statuses == expect["responses"]
    for name in ("budget", "requeues", "request_limit"):
        assert [counted[name] for counted in found] == expect[f"{name}_after"]


async def test_a_service_that_always_fails_is_not_asked_for_ever() -> None:
    case = CASES["retry-006"]
    bad = b"HTTP/1.1 500 Bad\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"bad")
    async with (
        stub(in_turn(bad)) as it,
        proxy(stack(it.port, service=case["given"]["service"])) as running,
        running.connect() as client,
    ):
        answer = await ask(client)

    expect = expected(case)
    assert (answer.status, len(it.requests)) == (expect["status"], expect["client_requests"])
    assert len(it.connections) == expect["client_connections"]


async def test_an_attempt_timeout_is_retried(idle_clock: MockClock) -> None:
    case = CASES["retry-007"]
    keys = {"service": case["given"]["service"], "client": {"requestAttemptTimeoutMs": 100}}
    async with (
        stub(in_turn(SLOW, reply())) as it,
        proxy(stack(it.port, **keys)) as running,
        running.connect() as client,
    ):
        answer = await ask(client)
        found = numbers(running.linker.metrics, "rt/http/service/svc/web/retries")

    expect = expected(case)
    assert (answer.status, len(it.requests)) == (expect["status"], expect["client_requests"])
    assert found["total"] == expect["service_retries_total"]
