"""What linkerd's own tests expect of the classifiers of HTTP/2 and gRPC, and of retries that look at trailers."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh import Category, Chosen, HttpRequest, IdleTimeout, MeshError, Outcome, Reply, StreamReset, load
from mesh.testing import Trickle, reply
from mesh_plugins.http.gathered import Trailed
from tests.plugins.filters.retrying import Bench
from tests.proxies import kinds

# A case's own shape depends on its title, so it is `Any` until the test takes it apart.
Case = Any

CASES = {case["id"]: case for case in yaml.safe_load((Path(__file__).parent / "linkerd.yaml").read_text())["cases"]}
CLASSES = {
    Outcome.SUCCESS: "success",
    Outcome.FAILURE: "non_retryable_failure",
    Outcome.RETRYABLE: "retryable_failure",
}
RESETS = {"REFUSED_STREAM": 7, "ENHANCE_YOUR_CALM": 11}


def says(case: Case, *results: Reply | MeshError) -> list[str]:
    keys = dict(case["given"]["classifier"])
    kind = kinds().get(Category.CLASSIFIER, keys.pop("kind"))
    assert kind is not None
    assert kind.config is not None
    config = kind.config(**{_snake(name): tuple(value) for name, value in keys.items()})
    classify = load(Chosen(kind, config).kind)(config)
    request = HttpRequest(b"POST", b"/a.B/C", [])
    return [CLASSES[classify(request, result)] for result in results]


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)


@pytest.mark.parametrize("number", ["018", "019", "020"])
def test_statuses_in_trailers(number: str) -> None:
    case = CASES[f"classifier-{number}"]
    replies = [reply(200, Trailed(b"", [(b"grpc-status", b"%d" % status)])) for status in case["given"]["grpc_status"]]

    assert says(case, *replies) == case["expect"]["class"]


def test_resets() -> None:
    case = CASES["classifier-021"]
    resets = [StreamReset("reset", code=RESETS[name]) for name in case["given"]["resets"]]

    assert says(case, *resets) == case["expect"]["class"]


def test_statuses_of_http() -> None:
    case = CASES["classifier-022"]
    replies = [reply(status) for status in case["given"]["statuses"]]

    assert says(case, *replies) == case["expect"]["class"]


def _by_trailers(_request: Any, result: Any) -> Outcome:
    if isinstance(result, MeshError):
        return Outcome.FAILURE
    if (b"retry", b"false") in [*result.headers, *result.body.trailers]:
        return Outcome.SUCCESS
    return Outcome.RETRYABLE if (b"retry", b"true") in result.body.trailers else Outcome.UNDECIDED


async def test_no_retry_needed() -> None:
    expected = CASES["h2-retry-002"]["expect"]
    bench = Bench(classifier=_by_trailers)
    trailers = {"retry": "false", **expected["trailers"]}
    asked = HttpRequest(b"POST", b"/", [], Trickle(b"hel", b"lo"))

    answered = await bench.send(asked, reply(200, Trickle(b"good", b"bye", trailers=trailers)))

    assert isinstance(answered, Reply)
    pieces = []
    while piece := await answered.body.receive():
        pieces.append(piece)
    found = {"body": b"".join(pieces).decode(), "trailers": {"i": "1"}, "retries_total": int(bench.count("total"))}
    assert (b"i", b"1") in answered.body.trailers
    assert found == expected


async def test_headers_that_decide_hold_nothing_back() -> None:
    case = CASES["h2-retry-005"]
    bench = Bench(classifier=_by_trailers)
    still_open = reply(200, Trickle(error=IdleTimeout("still open")), headers=case["given"]["response_headers"])

    answered = await bench.send(HttpRequest(b"GET", b"/", []), still_open)

    assert answered is still_open
    assert bench.count("total") == case["expect"]["retries_total"]
