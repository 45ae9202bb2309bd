"""The keys of the protocol `grpc`: those of `h2`, with other defaults."""

from collections.abc import Mapping
from typing import ClassVar

import attrs

from mesh import Category, Chosen, key
from mesh_plugins.http.keys import H2RouterKeys, HttpServiceKeys


@attrs.frozen(kw_only=True)
class GrpcRouterKeys(H2RouterKeys):
    """What a router of the protocol grpc says: the same as one of h2, with other defaults."""

    label: str = key("The router's label; read here too so that it can be named.", "grpc")
    identifier: tuple[Chosen, ...] = key(
        "What names a call; several are asked in order. By default a call is `/svc/<package.Service>/<Method>`.",
        category=Category.IDENTIFIER,
        default_kind="io.l5d.header.path",
    )


@attrs.frozen(kw_only=True)
class GrpcServiceKeys(HttpServiceKeys):
    """What a service of the protocol grpc says: the same as one of HTTP, with another classifier."""

    core_defaults: ClassVar[Mapping[str, object]] = {"response_classifier": "io.l5d.h2.grpc.default"}
