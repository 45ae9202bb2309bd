"""The examples of the documentation are right: stack files load, names lead where a page says."""

import re
from collections.abc import Callable
from pathlib import Path as FilePath

import attrs
import pytest

from mesh.config import read_text
from mesh.endpoint import Addr, AddrBound, Endpoint
from mesh.life import Life
from mesh.naming.binding import Binder
from mesh.naming.dtab import Dtab
from mesh.naming.namer import SYSTEM_PREFIX, BoundName, BoundTree, Failed, Looked, Namer
from mesh.naming.path import Path
from mesh.naming.tree import NEG, Leaf, NameTree
from mesh.var import Fixed, Readable
from mesh_plugins.namers.config import RewriteConfig
from mesh_plugins.namers.rewrite import RewriteNamer
from mesh_plugins.namers.system import SystemNamer
from tests.structure.key_tables import installed
from tests.structure.pages import Block, Page, pages

FS = Path.read("/#/io.l5d.fs")
ADDR: Addr = AddrBound((Endpoint("127.0.0.1", 8080),))
KNOWN = re.compile(r"^# endpoints: (.*)$", re.MULTILINE)
ROW = re.compile(r"^\| +(.*?) +\|$", re.MULTILINE)


def _blocks(language: str) -> list[tuple[Page, Block]]:
    return [(shown, block) for shown in pages() for block in shown.blocks if block.language == language]


def _place(value: Page | Block) -> str:
    return value.shown if isinstance(value, Page) else f"line {value.line}"


@pytest.mark.parametrize(("shown", "block"), _blocks("yaml"), ids=_place)
def test_a_stack_file_in_the_docs_is_right(
    shown: Page,
    block: Block,
    tmp_path: FilePath,
    monkeypatch: pytest.MonkeyPatch,
    modules_of: Callable[[FilePath], None],
) -> None:
    """The modules of filters, and the definitions of Thrift, that the page shows are put where the file looks for them."""
    if not re.search(r"^routers:", block.text, re.MULTILINE):
        return
    for module in shown.blocks:
        if named := re.match(r"(?:#|//) (\w+\.(?:py|thrift))\b", module.text):
            (tmp_path / named[1]).write_text(module.text)
    modules_of(tmp_path)
    monkeypatch.chdir(tmp_path)

    loaded = read_text(block.text, file=shown.shown, kinds=installed(), folder=tmp_path)

    assert loaded.stack.routers


@attrs.frozen
class _Files:
    """A namer of some names under `/#/io.l5d.fs`; what follows one is residual."""

    known: frozenset[bytes]

    def lookup(self, path: Path) -> Readable[Looked]:
        if not path or path[0] not in self.known:
            return Fixed(NEG)
        return Fixed(Leaf(BoundName(FS + path[:1], path[1:], Fixed(ADDR))))


@pytest.mark.parametrize(("shown", "block"), _blocks("dtab"), ids=_place)
def test_a_name_leads_where_the_docs_say(shown: Page, block: Block) -> None:
    """The table that follows a dtab has names, overrides if any, and what they are bound to.

    A comment `# endpoints: web, users` says which names the namer `/#/io.l5d.fs` knows.
    """
    found = KNOWN.search(block.text)
    files = _Files(frozenset(name.strip().encode() for name in found[1].split(","))) if found else _Files(frozenset())
    namers: list[tuple[Path, Namer]] = [(FS, files), *_rewriting(shown)]
    binder = Binder(Fixed(Dtab.read(block.text)), namers, SystemNamer(SYSTEM_PREFIX, Life(None)))

    head, _line, *rows = [_cells(row) for row in ROW.findall(block.after.lstrip("\n").partition("\n\n")[0])]
    answers = [_shown(binder.bind(_override(head, row), Path.read(row[0])).value) for row in rows]

    assert answers == [row[-1] for row in rows]


def _rewriting(shown: Page) -> list[tuple[Path, RewriteNamer]]:
    """Return the rewrite namers that the stack files of a page configure."""
    found = []
    for block in shown.blocks:
        for prefix, pattern, name in re.findall(
            r"kind: io.l5d.rewrite\n +prefix: (\S+)\n +pattern: \"(\S+)\"\n +name: \"(\S+)\"", block.text
        ):
            path = Path.read(f"/#{prefix}")
            found.append((path, RewriteNamer(RewriteConfig(pattern, name), path, Life(None))))
    return found


def _cells(row: str) -> list[str]:
    return [
        cell.strip().removeprefix("`").removesuffix("`").replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)
    ]


def _override(head: list[str], row: list[str]) -> Dtab:
    return Dtab.read(row[head.index("override")]) if "override" in head else Dtab()


def _shown(tree: BoundTree) -> str:
    match tree:
        case Failed(cause):
            return f"failed: {cause}"
        case NameTree():
            return tree.map(_name).show()
        case _:
            return "pending"


def _name(bound: BoundName) -> str:
    return f"{bound.id} with {bound.residual} left over" if bound.residual else str(bound.id)
