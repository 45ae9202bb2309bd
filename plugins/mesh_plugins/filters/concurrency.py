"""Limits how many requests are in progress at a time, in whatever part of a stack it stands."""

import attrs

from mesh import METRICS, AnyService, Make, Module, Params, bind, key
from mesh_plugins.filters.admission import Admission


@attrs.frozen
class ConcurrencyLimitConfig:
    """Refuses requests beyond so many at a time, with 503."""

    requests: int = key("How many requests may be in progress.", least=1)


def concurrency_limit(config: ConcurrencyLimitConfig) -> Module:
    """Return the module of one entry of a stack file; each stack that it stands in counts for itself."""

    def wrap(params: Params, rest: Make) -> AnyService:
        refused = params[METRICS].scope("concurrency_limit").counter("refused")
        return bind(Admission(config.requests, refused), rest(params))

    return Module("concurrency_limit", wrap, below=("errors",), why="a refusal becomes a reply there")
