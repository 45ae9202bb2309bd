import ast
import importlib
import importlib.metadata

import mesh
from tests.structure.source import CODE, Source, imports, public_definitions, sources


def test_plugins_import_the_face_alone() -> None:
    wrong = _past_the_face(sources("plugins/mesh_plugins"), ("mesh",))

    assert wrong == []


def test_tests_of_plugins_and_of_the_whole_import_the_face_alone() -> None:
    wrong = _past_the_face(
        sources("tests/plugins", "tests/thirdparty", "tests/e2e", "tests/bench"), ("mesh", "mesh.testing")
    )

    assert wrong == []


def test_a_package_only_names_what_it_offers() -> None:
    wrong = [
        f"{source.shown}:{node.lineno}"
        for source in sources(*CODE)
        if source.is_package
        for number, node in enumerate(source.tree.body)
        if not (_is_docstring(node, number) or isinstance(node, ast.Import | ast.ImportFrom) or _is_all(node))
    ]

    assert wrong == []


def test_a_package_offers_all_that_it_imports() -> None:
    """Ruff keeps both in order."""
    wrong = []
    for source in sources(*CODE):
        offered = [item.alias or item.name for item in imports(source)]
        if source.is_package and offered:
            names = list(getattr(importlib.import_module(source.module), "__all__", ()))
            wrong += [f"{source.shown}: {name} is missing in `__all__`" for name in offered if name not in names]
            wrong += [f"{source.shown}: {name} is only in `__all__`" for name in names if name not in offered]
            wrong += [f"{source.shown}: {name} is there twice" for name in set(names) if names.count(name) > 1]

    assert wrong == []


def test_public_modules_classes_and_functions_say_what_they_promise() -> None:
    wrong = [
        f"{source.shown}:{getattr(node, 'lineno', 1)} {getattr(node, 'name', 'the module')}"
        for source in sources(*CODE)
        for node in (source.tree, *public_definitions(source))
        if not ast.get_docstring(node) and source.text
    ]

    assert wrong == []


def test_what_the_face_offers_is_in_the_installed_distribution() -> None:
    found = importlib.metadata.entry_points(group="mesh")

    assert [entry.value for entry in found if entry.dist and entry.dist.name == "linker-mesh"] == ["mesh_plugins"]


def _past_the_face(outside: tuple[Source, ...], faces: tuple[str, ...]) -> list[str]:
    offered = set(vars(mesh)) - {source.module.removeprefix("mesh.") for source in sources("mesh")}
    return [
        f"{source.shown}:{item.line} {item.module} {item.name}"
        for source in outside
        for item in imports(source)
        if item.module.split(".")[0] == "mesh"
        and (item.module not in faces or (item.module == "mesh" and item.name and item.name not in offered))
    ]


def _is_docstring(node: ast.stmt, number: int) -> bool:
    return number == 0 and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_all(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]
