"""What gRPC says of retries."""

import pytest

from mesh import MeshError, Reply, Request, UpstreamBroken
from mesh.testing import Headers, reply, request
from mesh_plugins.grpc.retrying import mark, pushback
from mesh_plugins.http.gathered import Trailed

GRPC = {"content-type": "application/grpc"}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(b"0", 0.0), (b"1500", 1.5), (b"-1", -1.0), (b"soon", -1.0), (b"1_0", -1.0), (b"9" * 40, -1.0), (b"", -1.0)],
)
def test_a_server_says_when_to_come_again(value: bytes, seconds: float) -> None:
    said = [(b"grpc-retry-pushback-ms", value)]
    failed = (reply(200, Trailed(b"", said)), reply(200, headers=said))

    assert [pushback(each) for each in failed] == [seconds, seconds]


@pytest.mark.parametrize("failed", [reply(), Reply(), UpstreamBroken("reset")], ids=["silent", "other", "error"])
def test_most_have_no_say(failed: Reply | MeshError) -> None:
    assert pushback(failed) is None


@pytest.mark.parametrize(("before", "expected"), [({}, b"2"), ({"grpc-previous-rpc-attempts": "3"}, b"5")])
def test_a_retry_counts_those_before_it_and_the_clients_too(before: dict[str, str], expected: bytes) -> None:
    asked = request("POST", headers={**GRPC, **before})

    mark(asked, 2)

    assert asked.headers[1:] == [(b"grpc-previous-rpc-attempts", expected)]


def test_a_count_that_is_none_is_replaced() -> None:
    asked = request("POST", headers={**GRPC, "grpc-previous-rpc-attempts": "many"})

    mark(asked, 1)

    assert asked.headers[1:] == [(b"grpc-previous-rpc-attempts", b"1")]


@pytest.mark.parametrize("headers", [{}, {"content-type": "text/plain"}])
def test_other_requests_say_nothing(headers: Headers) -> None:
    asked = request("POST", headers=headers)
    before = asked.headers.copy()

    mark(asked, 1)
    mark(Request(), 1)

    assert asked.headers == before
