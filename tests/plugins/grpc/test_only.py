"""Routers for calls alone."""

import pytest

from mesh import HttpRequest, Params, RemoteProtocolError
from mesh.testing import request
from mesh_plugins.grpc.only import GRPC_ONLY
from tests.plugins.rest import Rest

GRPC = {"content-type": "application/grpc+proto"}


async def test_a_call_passes() -> None:
    rest, asked = Rest(), request("POST", headers=GRPC)

    await GRPC_ONLY.wrap(Params(), rest)(asked)

    assert [passed for _params, passed in rest.requests] == [asked]


@pytest.mark.parametrize(
    "asked",
    [request("GET", headers=GRPC), request("POST"), request("POST", headers={"content-type": "application/json"})],
    ids=["get", "no type", "json"],
)
async def test_nothing_else_does(asked: HttpRequest) -> None:
    service = GRPC_ONLY.wrap(Params(), Rest())

    with pytest.raises(RemoteProtocolError) as caught:
        await service(asked)

    assert caught.value.status == 415
