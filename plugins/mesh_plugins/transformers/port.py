"""The transformer `io.l5d.port`: the same hosts at another port. Source: linkerd, PortTransformer.scala."""

import attrs

from mesh import Addr, AddrBound, AddrTransformer, Endpoint, Params, Path, Reader
from mesh_plugins.transformers.config import PortConfig


def port(config: PortConfig, prefix: Path, _params: Params) -> AddrTransformer:
    """Return the transformer that gives every address the same port; of several on one host, the first stays."""

    def change(addr: Addr, _read: Reader) -> Addr:
        if not isinstance(addr, AddrBound):
            return addr
        by_host: dict[str, Endpoint] = {}
        for endpoint in addr.endpoints:
            by_host.setdefault(endpoint.host, attrs.evolve(endpoint, port=config.port))
        return attrs.evolve(addr, endpoints=tuple(by_host.values()))

    return AddrTransformer("PortTransformer", prefix, change)
