"""The protocol `grpc`: that of `h2`, for calls of gRPC alone, which it counts by their methods."""

import attrs

from mesh import Params, Parts, RouterSettings
from mesh_plugins.grpc.methods import GrpcStatsConfig, grpc_stats
from mesh_plugins.grpc.only import GRPC_ONLY
from mesh_plugins.http.protocol import http


def grpc(settings: RouterSettings, params: Params) -> Parts:
    """Return the parts of a router of gRPC; the factory of the protocol kind `grpc`."""
    parts = http(settings, params)
    counting = attrs.evolve(grpc_stats(GrpcStatsConfig()), section="server")
    return attrs.evolve(parts, stack=parts.stack.before("grpc_endings", counting).after("errors", GRPC_ONLY))
