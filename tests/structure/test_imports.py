import ast
import graphlib
import importlib.metadata
import re
import sys
import tomllib

from tests.structure.source import CODE, EVERYTHING, ROOT, Source, graph, imports, sources

EVERYWHERE = {"attrs", "trio", "outcome"}
"""Libraries that any file may use; `outcome` is trio's own vocabulary."""


def test_no_module_imports_itself_by_a_detour() -> None:
    sorter = graphlib.TopologicalSorter(graph())

    sorter.prepare()  # raises CycleError, which names the modules

    assert sorter.is_active()


def test_every_module_of_mesh_stands_on_one_floor() -> None:
    floors = _floors()

    placed = {source.module: _floor_of(source.module, floors) for source in sources("mesh")}

    assert [module for module, floor in placed.items() if floor is None and module not in ("mesh", "mesh.naming")] == []


def test_no_floor_imports_a_higher_one() -> None:
    floors = _floors()

    wrong = [
        f"{module} (floor {low}) imports {other} (floor {high})"
        for module, others in graph().items()
        for other in sorted(others)
        if (low := _floor_of(module, floors)) is not None
        and (high := _floor_of(other, floors)) is not None
        and high > low
    ]

    assert wrong == []


def test_mesh_knows_no_plugin() -> None:
    wrong = [
        f"{source.shown}:{item.line}"
        for source in sources("mesh")
        for item in imports(source)
        if item.module.split(".")[0] == "mesh_plugins"
    ]

    assert wrong == []


def test_a_third_party_library_is_imported_in_one_folder() -> None:
    folders: dict[str, set[str]] = {}
    for source in sources(*CODE):
        for library in _libraries(source) - EVERYWHERE:
            folders.setdefault(library, set()).add(_part(source))

    assert {library: found for library, found in folders.items() if len(found) > 1} == {}


def test_every_library_that_is_imported_is_declared() -> None:
    homes = importlib.metadata.packages_distributions()
    used = {library for source in sources(*CODE) for library in _libraries(source)} | EVERYWHERE

    assert sorted(library for library in used if not _declared() & {_plain(home) for home in homes[library]}) == []


def test_every_library_that_is_declared_is_imported() -> None:
    homes = importlib.metadata.packages_distributions()
    used = {library for source in sources(*CODE) for library in _libraries(source)} | EVERYWHERE

    assert sorted(_declared() - {_plain(home) for library in used for home in homes[library]}) == []


def test_no_import_waits_for_a_type_checker() -> None:
    wrong = [
        f"{source.shown}:{node.lineno}"
        for source in sources(*EVERYTHING)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node).endswith("TYPE_CHECKING")
    ]

    assert wrong == []


def test_an_import_inside_a_function_says_why() -> None:
    wrong = [
        f"{source.shown}:{item.line}"
        for source in sources(*EVERYTHING)
        for item in imports(source)
        if item.inside and "#" not in source.lines[item.line - 1]
    ]

    assert wrong == []


def test_imports_name_what_they_take_from_where() -> None:
    wrong = [
        f"{source.shown}:{item.line}"
        for source in sources(*EVERYTHING)
        for item in imports(source)
        if item.name == "*" or item.module.startswith(".")
    ]

    assert wrong == []


def _floors() -> list[list[str]]:
    """Return the floors that import-linter is told of, the lowest first."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = (contract for contract in settings["contracts"] if contract["type"] == "layers")
    floors = [layer.replace("|", ":").split(":") for layer in contract["layers"]]
    return [[f"mesh.{name.strip(' ()')}" for name in floor] for floor in reversed(floors)]


def _floor_of(module: str, floors: list[list[str]]) -> int | None:
    places = [number for number, floor in enumerate(floors) for name in floor if f"{module}.".startswith(f"{name}.")]
    return places[0] if len(places) == 1 else None


def _part(source: Source) -> str:
    """Return the package that a file belongs to, right below `mesh` or `mesh_plugins`, or one of these two."""
    return ".".join(source.module.split(".")[:2] if source.is_package else source.module.split(".")[:-1][:2])


def _libraries(source: Source) -> set[str]:
    """Return the third-party libraries that a file imports."""
    tops = {item.module.split(".")[0] for item in imports(source)}
    return tops - sys.stdlib_module_names - {"mesh", "mesh_plugins"}


def _declared() -> set[str]:
    """Return the distributions that the project requires."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {_plain(re.split(r"[^\w.-]", requirement)[0]) for requirement in project["dependencies"]}


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")
