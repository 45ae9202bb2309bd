"""Complete files of linkerd's own, but for their ports and folders. Source: linkerd 1.7.5, linkerd/examples, linkerd/docs."""

import pathlib

from tests.e2e.stubs import stub
from tests.e2e.test_mux import calling
from tests.e2e.thrift_peers import CALL, REPLY, Echo, frame, kind_and_seqid, message, next_frame
from tests.mux_endpoints import mux_endpoint
from tests.proxies import proxy

FS = """\
admin: {{port: 0}}
namers:
- kind: io.l5d.fs
  rootDir: {folder}
"""
THRIFT = (
    FS
    + """\
routers:
- protocol: thrift
  thriftProtocol: binary
  thriftMethodInDst: true
  dtab: |
    /svc => /#/io.l5d.fs/thrift;
  servers:
  - port: 0
    thriftFramed: true
  client:
    thriftFramed: true
    attemptTTwitterUpgrade: true
"""
)
THRIFTMUX = (
    FS
    + """\
routers:
- protocol: thriftmux
  thriftProtocol: binary
  thriftMethodInDst: true
  experimental: true
  dtab: |
    /svc => /#/io.l5d.fs/thrift;
  servers:
  - port: 0
    thriftFramed: true
  client:
    thriftFramed: true
    attemptTTwitterUpgrade: true
"""
)
MUX = """\
admin: {{port: 0}}
routers:
- protocol: mux
  label: power-level-router
  dstPrefix: /overNineThousand
  dtab: |
    /overNineThousand => /$/inet/127.0.1/{port};
  servers:
  - port: 0
"""


async def test_thrift_is_routed_by_method(tmp_path: pathlib.Path) -> None:
    echo = Echo()

    async with stub(echo) as endpoint:
        (tmp_path / "thrift").write_text(f"127.1 {endpoint.port}\n")
        async with proxy(THRIFT.format(folder=tmp_path), warnings=True) as linker, linker.connect() as client:
            await client.send(frame(message(CALL, 7)))
            answer = await next_frame(client)
            counted = linker.every_metric["rt/thrift/service/svc/echo/success"]

    assert kind_and_seqid(answer or b"") == (REPLY, 7)
    assert counted == 1


async def test_endpoints_of_thriftmux_speak_plain_thrift(tmp_path: pathlib.Path) -> None:
    echo = Echo()

    async with stub(echo) as endpoint:
        (tmp_path / "thrift").write_text(f"127.1 {endpoint.port}\n")
        async with proxy(THRIFTMUX.format(folder=tmp_path), warnings=True) as linker, calling(linker) as caller:
            reply = await caller.call(message(CALL, 7), "/")
            counted = linker.every_metric["rt/thriftmux/service/svc/echo/success"]

    assert kind_and_seqid(reply.body.buffered or b"") == (REPLY, 7)
    assert counted == 1


async def test_mux_is_routed_by_the_prefix_of_the_file() -> None:
    async with mux_endpoint() as endpoint:
        text = MUX.format(port=endpoint.port)
        async with proxy(text, warnings=True) as linker, calling(linker) as caller:
            reply = await caller.call(b"hi", "/goku")
            counted = linker.every_metric["rt/power-level-router/service/overNineThousand/goku/success"]

    assert reply.body.buffered == b"hi"
    assert counted == 1
