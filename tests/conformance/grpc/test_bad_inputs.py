"""The published bad inputs of gRPC, through a running proxy."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from mesh_plugins.grpc.messages import encode
from tests.e2e.h2_peers import Message, Said, ask, endpoint
from tests.plugins.rest import numbers
from tests.proxies import Proxy, one, proxy, stacks

pytestmark = pytest.mark.slow

# A case's own shape depends on what it is about, so it is `Any` until the test takes it apart.
Case = Any

CASES = yaml.safe_load((Path(__file__).parent / "bad_inputs.yaml").read_text())["inputs"]
SENT = [case for case in CASES if "request_headers" in case["input"]]
CALL = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"a.test"),
    (b":path", b"/pkg.Svc/M"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]
OK = Said(
    [(b":status", b"200"), (b"content-type", b"application/grpc")], encode(b"hi"), trailers=[(b"grpc-status", b"0")]
)
HTML = Said([(b":status", b"503"), (b"content-type", b"text/html")], b"<html>busy</html>")
NO_TRAILERS = Said(OK.headers, OK.body)


def stack(port: int) -> str:
    classifier = {"responseClassifier": {"kind": "io.l5d.h2.grpc.neverRetryable"}}
    return stacks(one(port, protocol="h2", service=classifier))


def check(case: Case, answer: Message) -> None:
    expected = case["expect"]
    status, grpc_status = int(answer.field(b":status") or 0), answer.field(b"grpc-status")
    assert status in expected.get("status", [200])
    if "grpc_status" in expected:
        assert grpc_status is not None
        assert int(grpc_status) in expected["grpc_status"]
    if expected.get("trailers_only"):
        assert (answer.alone, answer.body) == (True, b"")


def failures(running: Proxy, port: int) -> float:
    return numbers(running.linker.metrics, "rt/h2")[f"client/$/inet/127.0.0.1/{port}/failures"]


@pytest.mark.parametrize("case", SENT, ids=lambda case: case["id"])
async def test_a_bad_input_is_answered_or_passed_on_and_the_next_call_too(case: Case) -> None:
    headers = [(name.encode(), value.encode()) for name, value in case["input"]["request_headers"]]
    async with endpoint(lambda _request: OK) as server, proxy(stack(server.port)) as running:
        answer = await ask(running.ports[0], headers, bytes.fromhex(case["input"]["data_hex"]))
        arrived = len(server.requests)
        after = await ask(running.ports[0], CALL, encode(b""))

    check(case, answer)
    assert arrived == case["expect"].get("upstream_requests", arrived)
    assert after.field(b"grpc-status") == b"0"


def by_id(name: str) -> Case:
    return next(case for case in CASES if case["id"] == name)


async def test_no_endpoint_for_the_route() -> None:
    async with proxy(stacks(one("", protocol="h2"))) as running:
        answer = await ask(running.ports[0], CALL, encode(b""))

    check(by_id("grpc-proxy-error-shape"), answer)


@pytest.mark.parametrize(
    ("name", "said"), [("grpc-upstream-html-503", HTML), ("grpc-upstream-no-trailers", NO_TRAILERS)]
)
async def test_an_endpoint_that_does_not_speak_grpc_as_it_should(name: str, said: Said) -> None:
    async with endpoint(lambda _request: said) as server, proxy(stack(server.port)) as running:
        answer = await ask(running.ports[0], CALL, encode(b""))
        failed = failures(running, server.port)

    check(by_id(name), answer)
    assert failed == 1
