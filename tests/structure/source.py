"""The project's own source, as the structural tests read it."""

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import attrs

ROOT = Path(__file__).parents[2]
CODE = ("mesh", "plugins/mesh_plugins")
EVERYTHING = (*CODE, "tests")


@attrs.frozen
class Import:
    """One imported name: `from module import name`, or `import module` with an empty `name`. `inside` a function or not."""

    module: str
    name: str
    line: int
    inside: bool
    alias: str | None = None


@attrs.frozen(eq=False)
class Source:
    """One Python file. `module` is what it is imported as."""

    path: Path
    module: str
    text: str
    tree: ast.Module

    @property
    def shown(self) -> str:
        """The path from the top of the project."""
        return str(self.path.relative_to(ROOT))

    @property
    def is_package(self) -> bool:
        return self.path.name == "__init__.py"

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@functools.cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return every Python file below the folders, in order."""
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(_read(path) for path in paths)


def _read(path: Path) -> Source:
    text = path.read_text()
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "plugins" else parts
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Source(path, module, text, ast.parse(text, str(path)))


def imports(source: Source) -> list[Import]:
    """Return every import of a file, wherever it stands, those under `TYPE_CHECKING` included."""
    return list(_imports(source.tree, inside=False))


def _imports(node: ast.AST, *, inside: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.Import():
                for alias in child.names:
                    yield Import(alias.name, "", child.lineno, inside, alias.asname)
            case ast.ImportFrom():
                for alias in child.names:
                    module = "." * child.level + (child.module or "")
                    yield Import(module, alias.name, child.lineno, inside, alias.asname)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from _imports(child, inside=True)
            case _:
                yield from _imports(child, inside=inside)


def graph() -> dict[str, set[str]]:
    """Return which modules of the project each module of the code imports."""
    known = {source.module for source in sources(*CODE)}
    edges: dict[str, set[str]] = {}
    for source in sources(*CODE):
        found = {f"{item.module}.{item.name}" if item.name else item.module for item in imports(source)}
        found |= {item.module for item in imports(source) if f"{item.module}.{item.name}" not in known}
        edges[source.module] = (found & known) - {source.module}
    return edges


def functions(source: Source) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file, nested ones too."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def public_definitions(source: Source) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the classes and functions at the top of a file whose names begin with no underscore."""
    for node in source.tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield node
