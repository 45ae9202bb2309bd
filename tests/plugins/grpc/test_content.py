"""What is gRPC, and replies that are nothing but a status."""

import pytest

from mesh import EMPTY
from mesh_plugins.grpc.content import is_grpc, trailers_only
from mesh_plugins.grpc.status import Code


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"application/grpc;charset=utf-8", True),
        (b"Application/GRPC+json", True),
        (b"application/grpc-web", False),
        (b"application/grpc-web+proto", False),
        (b"application/grpcx", False),
        (b"text/html", False),
    ],
)
def test_grpc_is_known_by_its_content_type(content_type: bytes, expected: bool) -> None:
    assert is_grpc([(b"te", b"trailers"), (b"content-type", content_type)]) is expected


def test_without_a_content_type_nothing_is_grpc() -> None:
    assert not is_grpc([(b"te", b"trailers")])


def test_a_failed_call_is_answered_by_headers_alone() -> None:
    reply = trailers_only(Code.UNAVAILABLE, "no route", [(b"l5d-err", b"no route")])

    assert (reply.status, reply.body, reply.outcome) == (200, EMPTY, False)
    assert reply.headers == [
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"14"),
        (b"grpc-message", b"no route"),
        (b"l5d-err", b"no route"),
    ]
