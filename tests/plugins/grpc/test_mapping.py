"""What failures are called in gRPC."""

import pytest

from mesh import (
    AttemptTimeout,
    BadRequestContext,
    BindingTimeout,
    ClientGone,
    ConnectFailed,
    DeadlineExceeded,
    IdleTimeout,
    LocalProtocolError,
    MeshError,
    Nacked,
    Overloaded,
    PluginError,
    RateLimited,
    RemoteProtocolError,
    ServerTimeout,
    StreamReset,
    TotalTimeout,
    Unavailable,
    Unidentified,
    Unroutable,
    UpstreamBroken,
    UpstreamProtocolError,
)
from mesh_plugins.grpc.mapping import of_error, of_http, of_reset


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INTERNAL"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "UNIMPLEMENTED"),
        (429, "UNAVAILABLE"),
        (502, "UNAVAILABLE"),
        (503, "UNAVAILABLE"),
        (504, "UNAVAILABLE"),
        (200, "UNKNOWN"),
        (302, "UNKNOWN"),
        (418, "UNKNOWN"),
        (500, "UNKNOWN"),
    ],
)
def test_a_status_of_http_has_one_of_grpc(status: int, name: str) -> None:
    assert of_http(status).name == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        *[(code, "INTERNAL") for code in (0, 1, 2, 3, 4, 6, 9, 10, 13, 99)],
        (5, "UNKNOWN"),
        (7, "UNAVAILABLE"),
        (8, "CANCELLED"),
        (11, "RESOURCE_EXHAUSTED"),
        (12, "PERMISSION_DENIED"),
    ],
)
def test_a_reset_has_one(code: int, name: str) -> None:
    assert of_reset(code).name == name


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (Unidentified("x"), "UNIMPLEMENTED"),
        (BadRequestContext("x"), "INVALID_ARGUMENT"),
        (Unroutable("x"), "UNAVAILABLE"),
        (ConnectFailed("x"), "UNAVAILABLE"),
        (Unavailable("x"), "UNAVAILABLE"),
        (Nacked("x"), "UNAVAILABLE"),
        (Overloaded("x"), "UNAVAILABLE"),
        (RateLimited("x", limit=1, retry_seconds=1.0, reset_seconds=1.0), "RESOURCE_EXHAUSTED"),
        (UpstreamBroken("x"), "UNAVAILABLE"),
        (UpstreamProtocolError("x"), "INTERNAL"),
        (StreamReset("x", code=8), "CANCELLED"),
        (AttemptTimeout("x"), "DEADLINE_EXCEEDED"),
        (TotalTimeout("x"), "DEADLINE_EXCEEDED"),
        (DeadlineExceeded("x"), "DEADLINE_EXCEEDED"),
        (BindingTimeout("x"), "DEADLINE_EXCEEDED"),
        (IdleTimeout("x"), "DEADLINE_EXCEEDED"),
        (ServerTimeout("x"), "DEADLINE_EXCEEDED"),
        (RemoteProtocolError("x"), "INTERNAL"),
        (RemoteProtocolError("x", status=408), "DEADLINE_EXCEEDED"),
        (RemoteProtocolError("x", status=413), "RESOURCE_EXHAUSTED"),
        (RemoteProtocolError("x", status=431), "RESOURCE_EXHAUSTED"),
        (ClientGone("x"), "CANCELLED"),
        (LocalProtocolError("x"), "INTERNAL"),
        (PluginError("x"), "INTERNAL"),
        (MeshError("x"), "UNAVAILABLE"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value,
)
def test_an_error_has_one(error: MeshError, name: str) -> None:
    assert of_error(error).name == name
