"""What the protocols `http` and `h2` bring: their stack, which requests may be repeated, and what is asked in explanations."""

import pytest

from mesh import Params, Path
from mesh.testing import request
from mesh_plugins.filters.retries import RETRY_RULES
from mesh_plugins.http.protocol import STACK, http, is_repeatable, make_request
from mesh_plugins.router import PATH_PARAMS
from tests.stackfiles import router_of


def test_the_default_stack_keeps_its_own_rules() -> None:
    STACK.verify()

    assert [module.role for module in STACK if module.branch] == ["router", "binding", "balancer"]


def test_idempotent_requests_alone_may_be_repeated() -> None:
    methods = ("GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "PROPFIND", "get")

    repeatable = [method for method in methods if is_repeatable(request(method))]

    assert repeatable == ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]


@pytest.mark.parametrize(
    ("url", "host", "target"),
    [
        ("http://web:80/a?b", b"web:80", b"/a?b"),
        ("https://web", b"web", b"/"),
        ("/a?b=http%3A", None, b"/a?b=http%3A"),
    ],
)
def test_a_url_is_turned_into_the_request_that_a_client_would_send(url: str, host: bytes | None, target: bytes) -> None:
    made = make_request("GET", url, [("X-A", " 1 ")])

    hosts = [(b"host", host)] if host else []
    assert (made.method, made.target, made.headers) == (b"GET", target, [*hosts, (b"x-a", b"1")])


@pytest.mark.parametrize(
    ("service", "hold_seconds", "buffer_bytes"),
    [
        ("retries: {bufferBytes: 9}", 0.1, 9),
        ("classificationTimeoutMs: 50", 0.05, 65536),
        ("{retries: {bufferBytes: 9}, retryBufferSize: {requestBytes: 7}}", 0.1, 7),
    ],
)
@pytest.mark.parametrize("protocol", ["http", "h2"])
def test_a_service_says_what_is_kept_and_held_back_for_retries(
    protocol: str, service: str, hold_seconds: float, buffer_bytes: int
) -> None:
    text = f"routers:\n- protocol: {protocol}\n  servers: [{{port: 0}}]\n  service:\n    {service}\n"
    params = http(router_of(text), Params()).params

    rules = params[PATH_PARAMS](params, Path.read("/svc/web"))[RETRY_RULES]

    assert (rules.hold_seconds, rules.buffer_bytes) == (hold_seconds, buffer_bytes)
