"""The way from HTTP/1.1 to HTTP/2."""

import base64

import pytest
import trio
import trio.testing

from mesh import Limits
from mesh_plugins.http2.options import Options
from mesh_plugins.http2.serving import Http2Serving
from mesh_plugins.http2.upgrade import read_upgrade
from tests.plugins.http2.pairs import Stream
from tests.plugins.http2.serving import Client, content, ok, status

SETTINGS = bytes.fromhex("000300000064000400100000")
TOLD = base64.urlsafe_b64encode(SETTINGS).rstrip(b"=")
FIELDS = b"host: a\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
ASKED = b"GET /a HTTP/1.1\r\n%bhttp2-settings: %b\r\nx: y\r\n\r\n" % (FIELDS, TOLD)


def test_a_request_may_ask_for_http2() -> None:
    found = read_upgrade(ASKED + b"PRI", Limits())

    assert found is not None
    assert (found.settings, found.rest) == (SETTINGS, b"PRI")
    assert (found.head.method, found.head.target, found.head.ends) == (b"GET", b"/a", True)
    assert found.head.headers == [(b"host", b"a"), (b"x", b"y")]


@pytest.mark.parametrize(
    "data",
    [
        b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /a HTTP/1.1\r\n%b\r\n" % FIELDS,
        ASKED.replace(b"x: y", b"http2-settings: AAAA"),
        ASKED.replace(TOLD, b"A"),
        ASKED.replace(b"connection: upgrade, ", b"connection: "),
        ASKED.replace(b"x: y", b"content-length: 1") + b"a",
        ASKED.replace(b"x: y", b"x : y"),
        ASKED[:-2],
    ],
)
def test_what_does_not_ask_as_it_should_stays_http1(data: bytes) -> None:
    assert read_upgrade(data, Limits()) is None


async def test_the_request_becomes_the_first_stream(engine: str) -> None:
    upgrade = read_upgrade(ASKED, Limits())
    client = Client(engine, ok, Http2Serving(), Options())
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.server.run, b"", upgrade)
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += await client.connection.receive_some(1)
        number = client.engine.open(owner := Stream(), b"GET", b"/a", b"http", [(b"host", b"a")], None, ends=True)
        client.engine.take_output()  # which was said in HTTP/1.1
        await client.connection.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5))
        nursery.start_soon(client.read)
        nursery.start_soon(client.outlet.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert said.startswith(b"HTTP/1.1 101 ")
    assert number == 1
    assert (status(owner), content(owner)) == (200, b"/a")
