"""What endpoints of Mux may say, in and after the handshake, and what a linker makes of it, beside what Finagle's client does.

Each case says what an endpoint answers, in hexadecimal digits: to the marker, to `Tinit`, to pings, and to one call after the
other, the last of which repeats; `@` is the tag of the call, `!` the same with `MORE`. Two calls are made in turn. What is
expected is what Finagle 22.7 did: the type and tag of each frame that it sent, over which connection, and whether the calls
were answered. Where a case has `here`, that is what we do on purpose, and `why`.
"""

import pathlib
from typing import Any

import attrs
import pytest
import trio
import trio.testing
import yaml

from mesh import AnyService, Buffered, Connection, Endpoint, Path
from mesh.testing import memory_connections
from mesh_plugins.mux import wire
from mesh_plugins.mux.message import MuxRequest
from tests.proxies import stacks, unheard

# A case's own shape depends on what it is about.
Case = Any

CASES = yaml.safe_load((pathlib.Path(__file__).parent / "endpoints.yaml").read_text())
USUAL = {"marker": ["7f00000174696e697420636865636b"], "tinit": ["bc0000010001"], "ping": ["bf000001"]}
OF_CALLS = (wire.TDISPATCH, wire.TREQ)
ROUTER = {"protocol": "mux", "dtab": "/svc => /$/inet/127.0.0.1/1;", "servers": [{"port": 0}]}


@attrs.define(eq=False)
class Scripted:
    """An endpoint that says what a case says. `heard`: the number of a connection, and the type and tag of a frame over it."""

    case: Case
    nursery: trio.Nursery
    heard: list[str] = attrs.field(factory=list)
    _connections: int = 0
    _calls: int = 0

    async def connect(self, _endpoint: Endpoint) -> Connection:
        near, far = memory_connections()
        self._connections += 1
        self.nursery.start_soon(self._serve, far, self._connections)
        return near

    async def _serve(self, connection: Connection, number: int) -> None:
        reader = wire.FrameReader(1 << 20)
        try:
            while data := await connection.receive_some():
                for frame in reader.feed(data):
                    self.heard.append(f"{number} {frame[:4].hex()}")
                    answers, tag = self._answers(frame), int.from_bytes(frame[1:4], "big")
                    # In one piece, so that nobody's speed decides what is read first.
                    if data := b"".join(_bytes(said, tag) for said in answers if said != "close"):
                        await connection.send_all(data)
                    if "close" in answers:
                        connection.close()
                        return
        except trio.BrokenResourceError:
            pass

    def _answers(self, frame: bytes) -> list[str]:
        kind = frame[0]
        if kind in OF_CALLS and not frame[1] & 0x80:
            calls = self.case["calls"]
            self._calls += 1
            found: list[str] = calls[min(self._calls, len(calls)) - 1]
            return found
        name = {wire.FINAGLES_RERR: "marker", wire.TINIT: "tinit", wire.TPING: "ping"}.get(kind, "")
        said: list[str] = self.case.get(name, USUAL.get(name, []))
        return said


def _bytes(said: str, tag: int) -> bytes:
    if said.startswith("raw "):
        return bytes.fromhex(said[4:])
    frame = bytes.fromhex(said.replace("@", f"{tag:06x}").replace("!", f"{tag | wire.MORE:06x}"))
    return len(frame).to_bytes(4, "big") + frame


async def made(service: AnyService) -> str:
    """Make a call; return its end."""
    reply = await service(MuxRequest(Path(), Buffered(b"hello")))
    content = reply.body.buffered or b""
    await reply.aclose()
    return content.decode("latin-1") if reply.status == wire.OK else "failed"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
async def test_an_endpoint_is_understood_as_by_finagles_client(case: Case, autojump_clock: trio.abc.Clock) -> None:
    async with trio.open_nursery() as nursery:
        endpoint = Scripted(case["says"], nursery)
        async with unheard(stacks(ROUTER), endpoint.connect) as service:
            calls = [await made(service), await made(service)]
            await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert {"heard": endpoint.heard, "calls": calls} == case.get("here", case["expect"])
