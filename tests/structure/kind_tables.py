"""Tables of kinds."""

from mesh.keys import Category, Kind
from tests.structure.key_tables import installed, of_kind_keys
from tests.structure.markdown import code, table

OURS = "linker-mesh"


def built_in() -> list[Kind]:
    """Return the kinds that this distribution brings and that are built, by category."""
    return [kind for kind in installed().all() if kind.built and OURS in kind.plugin]


def planned() -> list[Kind]:
    """Return the kinds that are recognised but not built yet, by category."""
    return [kind for kind in installed().all() if not kind.built and OURS in kind.plugin]


def page_of(kind: Kind) -> str:
    """Return the name of a kind's page below `docs/plugins`."""
    return f"{kind.category}-{kind.name.removeprefix('io.l5d.')}.md"


def of_kind(category: str, name: str) -> str:
    """Return what a kind's page says first: its names, its protocols, its keys."""
    kind = installed().get(Category(category), name)
    assert kind is not None
    names = " or ".join(map(code, kind.names))
    facts = [f"**{str(kind.category).capitalize()}**, in a stack file {names}."]
    if kind.protocols:
        facts.append(f"For routers of the protocol {', '.join(map(code, kind.protocols))}.")
    if kind.experimental:
        facts.append("Experimental: it needs `experimental: true` beside its name.")
    return f"{' '.join(facts)}\n\n{of_kind_keys(kind)}"


def of_all() -> str:
    """Return the list of all kinds that are built, with links from a page in `docs/plugins`."""
    return table(
        ("category", "kind", "what it is"),
        ([kind.category, f"[{code(kind.name)}]({page_of(kind)})", kind.summary] for kind in built_in()),
    )


def of_planned() -> str:
    """Return the list of all kinds that are recognised but not built yet."""
    return table(
        ("category", "kind", "what it will be"), ([kind.category, code(kind.name), kind.summary] for kind in planned())
    )
