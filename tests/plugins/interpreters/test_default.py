"""The default interpreter: the router's own dtab, and the namers of the stack file."""

from mesh import (
    BASE_DTAB,
    EMPTY_DTAB,
    NAMERS,
    SYSTEM_NAMER,
    AddrNeg,
    BoundName,
    Category,
    Dtab,
    Fixed,
    Leaf,
    Looked,
    Params,
    Path,
    Readable,
    load,
)
from mesh_plugins.interpreters.default import DefaultConfig
from mesh_plugins.interpreters.kinds import KINDS


class Everything:
    """A namer that binds every name to its prefix."""

    def __init__(self, prefix: str) -> None:
        self.prefix = Path.read(prefix)

    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed(Leaf(BoundName(self.prefix, path, Fixed(AddrNeg()))))


def test_names_are_bound_by_what_the_params_hold() -> None:
    (kind,) = KINDS
    params = (
        Params()
        .put(BASE_DTAB, Fixed(Dtab.read("/a => /#/one; /b => /$")))
        .put(NAMERS, [(Path.read("/#/one"), Everything("/#/one"))])
        .put(SYSTEM_NAMER, Everything("/$"))
    )

    interpreter = load(kind)(DefaultConfig(), params)

    assert (kind.name, kind.category) == ("default", Category.INTERPRETER)
    assert [str(interpreter.bind(EMPTY_DTAB, Path.read(path)).value) for path in ("/a", "/b", "/c")] == [
        "/#/one",
        "/$",
        "~",
    ]
    assert interpreter.dtab is params[BASE_DTAB]
