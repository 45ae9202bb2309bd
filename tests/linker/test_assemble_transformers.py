"""Transformers of a stack file: under a namer, and under an interpreter."""

import pathlib

import pytest

from mesh.config import read_text
from mesh.endpoint import AddrBound
from mesh.errors import ConfigError
from mesh.life import Life
from mesh.linker.assemble import Assembly, assemble
from mesh.metrics import Metrics
from mesh.naming.dtab import EMPTY_DTAB
from mesh.naming.path import Path
from mesh.naming.tree import Leaf
from mesh.plugins import find

STACK = """\
namers:
- kind: io.l5d.rewrite
  prefix: inet
  pattern: /{{host}}
  name: /$/inet/{{host}}/80
- kind: io.l5d.fs
  rootDir: {folder}
  transformers:
  - {{kind: port, port: 4141}}
routers:
- protocol: http
  dtab: /svc => /#/io.l5d.fs; /host => /#/inet;
  interpreter:
    kind: default
    transformers:
    - {{kind: io.l5d.specificHost, prefix: /mine, host: 10.0.0.2}}
  servers: [{{port: 0}}]
"""


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "web").write_text("10.0.0.1 80\n10.0.0.2 80\n")
    return tmp_path


def assembled(text: str, life: Life) -> Assembly:
    return assemble(read_text(text, file="stack.yaml", kinds=find()).stack, find(), life, Metrics())


async def bound(assembly: Assembly, name: str) -> tuple[str, list[str]]:
    """Return the id that a name is bound to, and its addresses."""
    tree = (
        await assembly.routers[0]
        .interpreter.bind(EMPTY_DTAB, Path.read(name))
        .wait(lambda tree: isinstance(tree, Leaf))
    )
    assert isinstance(tree, Leaf)
    addr = await tree.value.addr.wait(lambda addr: isinstance(addr, AddrBound))
    assert isinstance(addr, AddrBound)
    return str(tree.value.id), [str(endpoint) for endpoint in addr.endpoints]


async def test_names_pass_through_those_of_their_namer_then_through_those_of_the_interpreter(
    life: Life, folder: pathlib.Path
) -> None:
    assembly = assembled(STACK.format(folder=folder), life)

    assert await bound(assembly, "/svc/web") == ("/%/mine/%/io.l5d.port/4141/#/io.l5d.fs/web", ["10.0.0.2:4141"])
    assert await bound(assembly, "/host/10.0.0.2") == ("/%/mine/$/inet/10.0.0.2/80", ["10.0.0.2:80"])


async def test_the_namers_that_pages_show_are_the_plain_ones(life: Life, folder: pathlib.Path) -> None:
    assembly = assembled(STACK.format(folder=folder), life)

    assert [type(built.namer).__name__ for built in assembly.namers] == ["RewriteNamer", "FsNamer"]


async def test_what_a_transformer_refuses_is_a_problem_of_its_entry(life: Life, folder: pathlib.Path) -> None:
    text = STACK.format(folder=folder).replace("{kind: port, port: 4141}", "{kind: const, path: /svc/a}")
    text = text.replace("kind: io.l5d.specificHost, prefix: /mine, host: 10.0.0.2", "kind: replace, path: /svc/b")

    with pytest.raises(ConfigError) as caught:
        assembled(text, life)

    assert [(problem.key, problem.message) for problem in caught.value.problems] == [
        ("namers[1].transformers[0]", "/svc/a is below none of /$, and no dtab applies to it"),
        (
            "routers[0].interpreter.transformers[0]",
            "/svc/b is below none of /$, /#/inet, and no dtab applies to it",
        ),
    ]
