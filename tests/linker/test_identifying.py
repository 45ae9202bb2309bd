"""How each router would name a request."""

import json
from typing import Any

from mesh.config import read_text
from mesh.http import HttpRequest
from mesh.linker.identifying import identifying
from mesh.linker.offline import offline
from mesh.plugins import find

TEXT = """\
routers:
- protocol: http
  label: hosts
  dtab: /svc => /$/inet/127.1/80
  servers: [{port: 0}]
- protocol: http
  label: paths
  dstPrefix: /p
  identifier: {kind: io.l5d.path, segments: 1, consume: true}
  servers: [{port: 0}]
- protocol: http
  label: both
  identifier: [{kind: io.l5d.header}, {kind: io.l5d.path, segments: 2}]
  servers: [{port: 0}]
"""


async def named(request: HttpRequest) -> Any:
    kinds = find()
    async with offline(read_text(TEXT, file="stack.yaml", kinds=kinds), kinds) as assembly:
        reply = await identifying(lambda: assembly.routers)(request)
        assert dict(reply.headers)[b"content-type"] == b"application/json"
        return json.loads(await reply.body.receive())


async def test_every_router_says_its_name_for_a_request() -> None:
    request = HttpRequest(b"GET", b"/a/b", [(b"host", b"Web"), (b"l5d-name", b"/x/y")])

    assert await named(request) == {
        "hosts": {"path": "/svc/web", "dtab": "/svc=>/$/inet/127.1/80"},
        "paths": {"path": "/p/a"},
        "both": {"path": "/svc/x/y"},
    }
    assert request.target == b"/a/b"


async def test_a_router_that_cannot_name_it_says_why() -> None:
    found = await named(HttpRequest(b"GET", b"/", []))

    assert [sorted(answer) for answer in found.values()] == [["error"], ["error"], ["error"]]
    assert "host" in found["hosts"]["error"].lower()
