import pytest

from mesh.config import read_text
from mesh.errors import ConfigError
from mesh.linker.offline import offline
from mesh.naming.delegation import is_settled
from mesh.naming.dtab import EMPTY_DTAB
from mesh.naming.path import Path
from mesh.plugins import find

TEXT = """\
routers:
- protocol: http
  dtab: /svc => /$/inet/127.0.0.1
  servers:
  - port: 0
"""


async def test_namers_answer_inside_the_block() -> None:
    kinds = find()

    async with offline(read_text(TEXT, file="stack.yaml", kinds=kinds), kinds) as assembly:
        way = assembly.routers[0].interpreter.delegate(EMPTY_DTAB, Path.read("/svc/80"))
        settled = await way.wait(is_settled)

    assert is_settled(settled)


async def test_what_the_assembly_refuses_has_its_place_and_stands_in_no_group() -> None:
    kinds = find()
    loaded = read_text(TEXT + "  filters: {server: [{remove: nothing}]}\n", file="stack.yaml", kinds=kinds)

    with pytest.raises(ConfigError, match=r"stack.yaml, line 6, .*: routers\[0\]\.filters\.server\[0\]: "):
        async with offline(loaded, kinds):
            pass
