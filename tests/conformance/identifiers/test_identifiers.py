"""linkerd's cases of identifiers, run against the kinds that a stack file names."""

import pathlib
from typing import Any

import pytest
import yaml

from mesh import Fields, HttpRequest, Life, Metrics, Unidentified
from mesh.config import read_text
from mesh.linker.assemble import BuiltRouter, assemble
from mesh.plugins import find

CASES = yaml.safe_load((pathlib.Path(__file__).parent / "linkerd.yaml").read_text())["cases"]


def _router(life: Life, protocol: str, dst_prefix: str, identifier: Any) -> BuiltRouter:
    file = {
        "routers": [
            {"protocol": protocol, "dstPrefix": dst_prefix, "identifier": identifier, "servers": [{"port": 0}]},
        ]
    }
    kinds = find()
    stack = read_text(yaml.safe_dump(file), file="case", kinds=kinds).stack
    return assemble(stack, kinds, life, Metrics()).routers[0]


def _request(given: dict[str, Any]) -> HttpRequest:
    if ":path" in given:
        return HttpRequest(b"GET", given[":path"].encode(), [(b"host", given[":authority"].encode())], version=(2, 0))
    headers: Fields = [(name.lower().encode(), value.encode()) for name, value in given.get("headers", {}).items()]
    version = (1, 0) if given.get("version") == "1.0" else (1, 1)
    return HttpRequest(given.get("method", "GET").encode(), given.get("uri", "/").encode(), headers, version=version)


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
async def test_a_request_is_named_as_linkerd_names_it(case: dict[str, Any], life: Life) -> None:
    given, expect = case["given"], case["expect"]
    router = _router(life, given["protocol"], given["dst_prefix"], given["identifier"])
    request = _request(given["request"])

    if expect.get("unidentified"):
        with pytest.raises(Unidentified):
            router.parts.identify(request)
        return
    name = router.parts.identify(request)

    assert name.show() == expect["name"]
    if "forwarded_uri" in expect:
        assert request.target.decode() == expect["forwarded_uri"]
