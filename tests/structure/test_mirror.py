import ast
from pathlib import Path

from tests.structure.source import CODE, ROOT, Source, functions, sources

WITHOUT_TESTS = {
    "mesh/version.py": "holds one value, which the test of the wheel reads",
    "mesh/config/drafts.py": "half of the reading of maps: tests/config/test_maps.py, test_sections.py",
    "mesh/config/places.py": "where a value stands: every expected line of tests/config/broken.yaml",
    "mesh/config/structure.py": "the other half: tests/config/test_maps.py, test_sections.py",
    "mesh/settings/stackfile.py": "its checks and warnings: tests/config/test_checks.py",
    "plugins/mesh_plugins/http1/fields.py": "a step of the engines: test_wire_requests.py, test_wire_replies.py",
    "plugins/mesh_plugins/http2/client_stream.py": "a step of the session: test_session.py",
    "plugins/mesh_plugins/http2/server_stream.py": "a step of the server: test_answering.py",
    "plugins/mesh_plugins/http2/library.py": "a step of the engine by h2: test_reference.py",
    "plugins/mesh_plugins/http1/plain.py": "a step of the engine by h11: test_wire_requests.py, test_differential.py",
    "plugins/mesh_plugins/http1/reference.py": "tested together with the fast engine: test_wire_*.py, test_differential.py",
}
"""Files that need no test file of their own, and why. Those that only name or declare things are found by themselves."""


def test_every_file_that_does_something_has_its_test_file() -> None:
    missing = [
        f"{source.shown}: {_place(source)} is missing"
        for source in sources(*CODE)
        if _does_something(source) and source.shown not in WITHOUT_TESTS and not _tests_of(source)
    ]

    assert missing == []


def test_every_exception_is_still_one() -> None:
    assert [name for name in WITHOUT_TESTS if not (ROOT / name).exists()] == []


def _does_something(source: Source) -> bool:
    """Return whether a file has a function with a body: faces, protocols, values and lists of kinds have none."""
    return not source.is_package and any(map(_has_body, functions(source)))


def _has_body(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any(not _is_empty(statement) for statement in node.body)


def _is_empty(statement: ast.stmt) -> bool:
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            return True
        case ast.Raise(exc=ast.Name(id="NotImplementedError")):
            return True
        case _:
            return False


def _place(source: Source) -> Path:
    """Return where a file's test file is: `mesh/x/y.py` has `tests/x/test_y.py`, a plugin's file one below `tests/plugins`."""
    inside = source.path.relative_to(ROOT / ("mesh" if source.module.startswith("mesh.") else "plugins/mesh_plugins"))
    top = Path("tests") if source.module.startswith("mesh.") else Path("tests/plugins")
    return top / inside.with_name(f"test_{inside.name}")


def _tests_of(source: Source) -> list[Path]:
    """Return the test files of a file: the one of its name, or several that begin with it (`test_wire_requests.py`)."""
    place = ROOT / _place(source)
    return [*place.parent.glob(place.name), *place.parent.glob(f"{place.stem}_*.py")]
