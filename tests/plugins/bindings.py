"""Bindings over an interpreter and client stacks of the test's own."""

from random import Random

import attrs

from mesh import (
    BOUND,
    EMPTY_DTAB,
    INTERPRETER,
    LIFE,
    METRICS,
    PATH,
    Addr,
    AddrBound,
    BoundName,
    Dtab,
    Endpoint,
    Failed,
    HttpRequest,
    Leaf,
    Life,
    Metrics,
    NameTree,
    Params,
    Path,
    Union,
    Var,
    Weighted,
)
from mesh.testing import FakeInterpreter, request
from mesh_plugins.binding import Binding, Clients
from mesh_plugins.router import CACHE_SIZES, CacheSizes
from tests.plugins.rest import Rest

WEB = Path.read("/svc/web")
OVERRIDE = Dtab.read("/svc/web => /svc/shop")


def name(id_: str, residual: str = "/", addr: Addr | None = None) -> BoundName:
    known = AddrBound((Endpoint("10.0.0.1", 80),)) if addr is None else addr
    return BoundName(Path.read(id_), Path.read(residual), Var[Addr](known))


def leaf(id_: str, residual: str = "/") -> NameTree[BoundName]:
    return Leaf(name(id_, residual))


def union(**weights: float) -> NameTree[BoundName]:
    return Union(tuple(Weighted(weight, leaf(f"/#/{id_}")) for id_, weight in weights.items()))


def overridden() -> HttpRequest:
    asked = request()
    asked.context.local_dtab = OVERRIDE
    return asked


@attrs.define(eq=False)
class Bench:
    """Bindings of one router over an interpreter and client stacks of the test's own."""

    life: Life
    sizes: CacheSizes = attrs.field(factory=CacheSizes)
    rest: Rest = attrs.field(factory=Rest)
    interpreter: FakeInterpreter = attrs.field(factory=FakeInterpreter)
    metrics: Metrics = attrs.field(factory=Metrics)
    params: Params = attrs.field(init=False)
    clients: Clients = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        params = Params().put(LIFE, self.life).put(METRICS, self.metrics).put(CACHE_SIZES, self.sizes)
        self.params = params.put(INTERPRETER, self.interpreter)
        self.clients = Clients(self.params, Random(7))

    def build(self, path: Path = WEB, life: Life | None = None) -> Binding:
        params = self.params.put(PATH, path).put(LIFE, self.life if life is None else life)
        return Binding(params, self.rest, self.interpreter, self.clients)

    def bind(self, tree: NameTree[BoundName] | Failed, local: Dtab = EMPTY_DTAB) -> None:
        self.interpreter.binding(WEB, local).set(tree)

    def is_watched(self, local: Dtab = EMPTY_DTAB) -> bool:
        return self.interpreter.binding(WEB, local).is_watched

    @property
    def asked(self) -> list[str]:
        """The ids that requests went to, in order."""
        return [str(bound.id) for bound in self.rest.asked(BOUND)]

    @property
    def built(self) -> list[str]:
        return [str(bound.id) for bound in self.rest.seen(BOUND)]

    @property
    def in_use(self) -> dict[str, int]:
        return {str(bound.id): branch.in_use for bound, branch in self.clients.branches.items()}
