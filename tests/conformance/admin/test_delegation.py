"""What linkerd answers on `/delegator.json`, case by case, from the YAML files beside this one, asked of a running process.

None of these cases is answered otherwise on purpose.
"""

import json
from pathlib import Path as FilePath
from typing import Any
from urllib.parse import urlencode

import attrs
import pytest
import yaml

from mesh import Category, Chosen, Failed, Fixed, Kind, Life, Looked, Path, Readable
from mesh.config import read_text
from mesh.linker.run import running
from mesh.plugins import find
from mesh.settings import NamerSettings
from mesh.settings.kinds import NamerPrefix
from tests.e2e.raw import connected, request

LABEL = "label"
STACK = f"""\
admin:
  port: 0
routers:
- protocol: http
  label: {LABEL}
  servers:
  - port: 0
"""

# A case's shape depends on its method, so what is given and expected is `Any` until the test takes it apart.
CASES = {
    case["id"]: case
    for name in ("linkerd.yaml", "neighbours.yaml")
    for case in yaml.safe_load((FilePath(__file__).parent / name).read_text())["cases"]
}


@attrs.frozen
class Failing:
    """A namer that cannot answer."""

    prefix: Path

    def lookup(self, path: Path) -> Readable[Looked]:
        return Fixed[Looked](Failed(f"error naming {self.prefix + path}"))


def failing(_config: object, prefix: Path, _life: Life) -> Failing:
    """Make the namer `error` of the cases."""
    return Failing(prefix)


def bytes_of(http: Any) -> bytes:
    """Return the request that a case describes."""
    if http["method"] == "GET":
        query = {name: LABEL if value == "<router label>" else value for name, value in http["query"].items()}
        return request("GET", f"{http['path']}?{urlencode(query)}")
    body = {name: LABEL if value == "<router label>" else value for name, value in http["json"].items()}
    media = f"Content-Type: {http['content_type']}"
    return request("POST", http["path"], media, body=json.dumps(body).encode())


@pytest.mark.parametrize("case", CASES)
async def test_a_delegation_is_as_published(case: str) -> None:
    given, expect = CASES[case]["given"], CASES[case]["expect"]
    settings = read_text(STACK, file="stack.yaml", kinds=find()).stack
    kind = Kind("error", Category.NAMER, "", factory=f"{__name__}:failing")
    namer = NamerSettings(chosen=Chosen(kind, None), prefix=NamerPrefix("/error"))

    async with running(attrs.evolve(settings, namers=(namer,)), find()) as linker:
        port = int(linker.admin_address.rpartition(":")[2])
        async with connected(port) as client:
            await client.send(bytes_of(given["http"]))
            reply = await client.reply()

    assert reply.status == expect["status"]
    if "body" in expect:
        assert reply.body.decode() == expect["body"]
    else:
        same = CASES[expect["json_same_as"]]["expect"] if "json_same_as" in expect else expect
        assert json.loads(reply.body) == same["json"]
