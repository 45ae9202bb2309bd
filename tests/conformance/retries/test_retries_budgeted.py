"""What linkerd's end-to-end tests expect of budgets and classes, request by request, through a running proxy.

Where a case has `why`, it is answered otherwise on purpose. Left out, since no budget is kept where nothing is ever
retried: that a service with the default classifier has a retry budget, and counts a repeat for `l5d-retryable` as a
retry. Here it is a requeue.

Of the other cases of Finagle's that are about HTTP, these are left out: those of the fields `dtab-local` and
`x-dtab-*`, which linkerd passes on unread; those of `finagle-ctx-*` and `finagle-http-retryable-request`, which
nobody sends but Finagle; and how a Finagle server refuses, since a refusal here says `retry-after: 1`
(tests/plugins/http/test_errors.py). They are http_dtab_*, http_context_write, http_nack_server and http_wire_*.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.raw import chunked, reply, request
from tests.e2e.stubs import Stub, answering, stub
from tests.plugins.rest import numbers
from tests.proxies import Proxy, proxy, stack

pytestmark = pytest.mark.slow

# A case's own shape depends on its title, so it is `Any` until the test takes it apart.
Case = Any

FILE = yaml.safe_load((Path(__file__).parent / "budgets.yaml").read_text())
NACK = reply(503, "Retry-After: 0", "finagle-http-nack: true", reason="Service Unavailable")


def by_id(case: Case) -> str:
    return str(case["id"])


def scopes(endpoint: Stub) -> dict[str, str]:
    """Return where the metrics of a server, a service, a client and a pair of both are."""
    client = f"client/$/inet/127.0.0.1/{endpoint.port}"
    return {
        "server": "server/127.0.0.1/0",
        "service": "service/svc/web",
        "client": client,
        "pair": f"{client}/service/svc/web",
    }


def seen(running: Proxy, endpoint: Stub, names: list[str]) -> list[float]:
    found = numbers(running.linker.metrics, "rt/http")
    places = scopes(endpoint)
    return [found[f"{places[scope]}/{name}"] for scope, _, name in (name.partition("/") for name in names)]


@pytest.mark.parametrize("case", FILE["budgets"], ids=by_id)
async def test_a_budget_and_the_counters_are_as_linkerds(case: Case) -> None:
    left = [NACK if answer == "nack" else reply(answer) for answer in case["upstream"]]
    client = {"failFast": False, "failureAccrual": {"kind": "none"}, **case.get("client", {})}
    settings = {"client": client, "service": case.get("service", {})}
    found = []
    async with (
        stub(answering(lambda _request: left.pop(0) if len(left) > 1 else left[0])) as endpoint,
        proxy(stack(endpoint.port, **settings)) as running,
    ):
        for _request in case["requests"]:
            async with running.connect() as connection:
                await connection.send(request(case.get("method", "GET")))
                status = (await connection.reply()).status
            found.append([status, *seen(running, endpoint, case["metrics"])])

    assert found == case["requests"]


@pytest.mark.parametrize("case", FILE["nacks"], ids=by_id)
async def test_only_a_refusal_is_repeated(case: Case) -> None:
    first, *fields = case["answer"]
    status, _, reason = first.partition(" ")
    sent = request()
    if case.get("chunked"):
        sent = request("POST", "/", "Transfer-Encoding: chunked") + chunked(b"body")
    async with (
        stub(answering(reply(int(status), *fields, reason=reason))) as endpoint,
        proxy(stack(endpoint.port)) as running,
        running.connect() as connection,
    ):
        await connection.send(sent)
        answer = await connection.reply()

    assert {"status": answer.status, "attempts": len(endpoint.requests)} == case["expect"]
