"""What tests of transformers share: making one as a stack file does, and giving it an address set."""

from mesh import (
    EMPTY_PATH,
    NAMERS,
    SYSTEM_NAMER,
    Addr,
    AddrBound,
    BoundName,
    BoundTree,
    Endpoint,
    Fixed,
    Leaf,
    Life,
    Looked,
    Params,
    Path,
    Readable,
    Reader,
    Transformer,
)
from mesh_plugins.namers.system import SystemNamer

FS = Path.read("/#/fs")


class Answering:
    """A namer that gives one answer."""

    def __init__(self, answer: Looked) -> None:
        self._answer = Fixed(answer)

    def lookup(self, _path: Path) -> Readable[Looked]:
        return self._answer


PARAMS = (
    Params()
    .put(SYSTEM_NAMER, SystemNamer(Path.read("/$"), Life(None)))
    .put(NAMERS, [(FS, Answering(Leaf(BoundName(FS, EMPTY_PATH, Fixed(AddrBound((Endpoint("10.9.9.9", 99),)))))))])
)


def bound(addr: Addr | list[str]) -> BoundName:
    """Return `/#/web` with these addresses, each `host:port`."""
    if isinstance(addr, list):
        pairs = [text.rpartition(":") for text in addr]
        addr = AddrBound(tuple(Endpoint(host, int(port)) for host, _colon, port in pairs))
    return BoundName(Path.read("/#/web"), EMPTY_PATH, Fixed(addr))


def become(transformer: Transformer, addr: Addr | list[str]) -> Addr:
    """Return what a transformer makes of an address set."""
    tree = transformer.transform(Leaf(bound(addr)), Reader())
    assert isinstance(tree, Leaf)
    found: Addr = tree.value.addr.value
    return found


def hosts(transformer: Transformer, *addresses: str) -> list[str]:
    """Return the addresses that are left of these."""
    addr = become(transformer, list(addresses))
    assert isinstance(addr, AddrBound)
    return [str(endpoint) for endpoint in addr.endpoints]


def shown(tree: BoundTree) -> str:
    """Return a bound tree as text, with its addresses."""
    if not isinstance(tree, Leaf):
        return str(tree)
    addr = tree.value.addr.value
    where = [str(endpoint) for endpoint in addr.endpoints] if isinstance(addr, AddrBound) else addr
    return f"{tree.value} at {where}"
