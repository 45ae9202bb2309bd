"""HTTP/2 with clients and servers that were not written for it: curl, nghttp2 and Node's http2, on either side."""

import contextlib
import pathlib
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import pytest
import trio

from tests.certificates import Authority
from tests.e2e.raw import Message, reply
from tests.e2e.stubs import answering, stub, ungrouped
from tests.ports import free_port
from tests.proxies import Proxy, one, proxy, stacks

SECONDS = "60"
BOTH = ["http/1.1", "h2"]
PRIOR = "--http2-prior-knowledge"
PEER = """
const http2 = require('http2');
const server = http2.createServer();
const asked = {};
server.on('error', () => {});
server.on('stream', (stream, headers) => {
  stream.on('error', () => {});
  const path = headers[':path'];
  if (path === '/reset') return stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  if (path === '/refused') return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  asked[path] = (asked[path] || 0) + 1;
  if (path === '/refused-once' && asked[path] === 1) return stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
  if (path === '/too-late' && asked[path] === 1) return stream.session.goaway(0, stream.id - 2);
  if (path === '/hang') return stream.on('close', () => console.log('closed ' + stream.rstCode));
  if (path === '/goodbye') stream.session.goaway();
  if (path === '/early') stream.additionalHeaders({':status': 103, link: '</a>'});
  const hasTrailers = path === '/trailers';
  if (hasTrailers) stream.on('wantTrailers', () => stream.sendTrailers({'x-checksum': '42'}));
  stream.respond({':status': 200, 'x-host': headers[':authority'], 'x-via': headers.via}, {waitForTrailers: hasTrailers});
  stream.pipe(stream);
});
server.listen(0, '127.0.0.1', () => console.log('port ' + server.address().port));
"""


@attrs.define(eq=False)
class Node:
    """A server of Node's: echoes bodies; its paths say what else it does. `said` is what it prints."""

    port: int
    process: trio.Process
    said: trio.abc.ReceiveStream


@contextlib.asynccontextmanager
async def node(program: str, folder: pathlib.Path) -> AsyncIterator[Node]:
    script = folder / "peer.js"
    script.write_text(PEER)
    with ungrouped():
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                lambda **more: trio.run_process([program, str(script)], stdout=subprocess.PIPE, check=False, **more)
            )
            assert process.stdout is not None
            said = b""
            while b"\n" not in said:
                said += await process.stdout.receive_some()
            yield Node(int(said.split()[1]), process, process.stdout)
            process.terminate()


async def run(*command: str, check: bool = True) -> str:
    done = await trio.run_process(command, capture_stdout=True, check=check, stderr=subprocess.STDOUT)
    return done.stdout.decode()


async def curl(require: Callable[[str], str], *args: str, check: bool = True) -> str:
    return await run(require("curl"), "-sS", "--max-time", SECONDS, *args, check=check)


def h2(port: int, engine: str = "fast", server: dict[str, Any] | None = None, **router: Any) -> str:
    """Return a stack file of one router of HTTP/2, whose endpoint listens on a port."""
    made = one(port, server={"protocols": BOTH, **(server or {})}, engine=engine, **router)
    return stacks({**made, "protocol": "h2", "label": "http"})


def echo(asked: Message) -> bytes:
    return reply(body=asked.body or asked.first)


@pytest.fixture(params=["fast", "reference"])
async def through(
    request: pytest.FixtureRequest, require: Callable[[str], str], tmp_path: pathlib.Path
) -> AsyncIterator[tuple[Node, Proxy]]:
    """A server of Node's behind a router of HTTP/2."""
    async with node(require("node"), tmp_path) as peer, proxy(h2(peer.port, request.param)) as running:
        yield peer, running


@pytest.mark.slow
async def test_curl_talks_to_node(through: tuple[Node, Proxy], require: Callable[[str], str]) -> None:
    _peer, running = through
    url = f"http://127.0.0.1:{running.ports[0]}"

    whole = await curl(require, PRIOR, "-i", "-d", "body", url + "/a")
    trailed = await curl(require, PRIOR, "-i", "-d", "body", url + "/trailers")
    early = await curl(require, PRIOR, "-i", url + "/early")

    assert whole.startswith("HTTP/2 200")
    assert "via: h2 linkerd" in whole
    assert "x-via: h2 linkerd" in whole
    assert whole.endswith("\r\n\r\nbody")
    assert "x-checksum: 42" in trailed
    assert early.startswith("HTTP/2 103")


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/refused-once", "/too-late"])
async def test_a_request_that_streams_is_sent_again_if_it_was_not_begun(
    through: tuple[Node, Proxy], require: Callable[[str], str], path: str
) -> None:
    """As Node says with REFUSED_STREAM, or by a goodbye that came before the request."""
    _peer, running = through
    url = f"http://127.0.0.1:{running.ports[0]}"
    program = (
        f"(echo one; sleep 0.3; echo two) | {require('curl')} -sS --max-time {SECONDS} {PRIOR} -X POST -T - {url}{path}"
    )

    first = await curl(require, PRIOR, url + "/first")
    answer = await run("sh", "-c", program)

    assert (first, answer) == ("", "one\ntwo\n")


@pytest.mark.slow
async def test_a_client_of_http1_reaches_an_endpoint_of_http2(
    through: tuple[Node, Proxy], require: Callable[[str], str], tmp_path: pathlib.Path
) -> None:
    _peer, running = through
    url = f"http://127.0.0.1:{running.ports[0]}"
    (tmp_path / "large").write_bytes(bytes(range(256)) * 4096)

    trailed = await curl(require, "--http1.1", "-i", "-d", "body", "--raw", url + "/trailers")
    sent = await curl(
        require, "--http1.1", "-H", "expect:", "-T", str(tmp_path / "large"), "-o", str(tmp_path / "got"), url + "/echo"
    )

    assert trailed.startswith("HTTP/1.1 200 OK")
    assert "x-checksum: 42" in trailed
    assert sent == ""
    assert (tmp_path / "got").read_bytes() == (tmp_path / "large").read_bytes()


@pytest.mark.slow
async def test_resets_and_goodbyes_pass_on(through: tuple[Node, Proxy], require: Callable[[str], str]) -> None:
    _peer, running = through
    url = f"http://127.0.0.1:{running.ports[0]}"

    reset = await curl(require, PRIOR, "-o", "/dev/null", "-w", "%{http_code}", "-d", "x", url + "/reset")
    refused = await curl(require, PRIOR, "-o", "/dev/null", "-w", "%{http_code}", url + "/refused")
    goodbyes = [await curl(require, PRIOR, "-d", "x", url + "/goodbye") for _ in range(3)]

    assert (reset, refused) == ("502", "502")
    assert goodbyes == ["x"] * 3


@pytest.mark.slow
async def test_a_client_that_leaves_ends_the_stream_to_the_endpoint(
    through: tuple[Node, Proxy], require: Callable[[str], str]
) -> None:
    peer, running = through
    url = f"http://127.0.0.1:{running.ports[0]}/hang"

    await run(require("curl"), "-sS", PRIOR, "--max-time", "1", url, check=False)
    with trio.fail_after(10):
        said = await peer.said.receive_some()

    assert said == b"closed 8\n"
    assert running.metric("server/127.0.0.1/0/stream/open_streams") == 0


@pytest.mark.slow
async def test_many_streams_at_once(through: tuple[Node, Proxy], require: Callable[[str], str]) -> None:
    peer, running = through

    said = await run(require("h2load"), "-c4", "-m25", "-n1000", f"http://127.0.0.1:{running.ports[0]}/many")

    assert "1000 succeeded, 0 failed" in said
    assert running.metric(f"client/$/inet/127.0.0.1/{peer.port}/connects") <= 4


@pytest.mark.slow
@pytest.mark.parametrize("protocols", [BOTH, ["h2"]])
async def test_clients_change_over_from_http1(protocols: list[str], require: Callable[[str], str]) -> None:
    async with stub(answering(echo)) as endpoint:
        text = h2(endpoint.port, server={"protocols": protocols}, client={"protocol": "http/1.1"})
        async with proxy(text) as running:
            url = f"http://127.0.0.1:{running.ports[0]}/a"

            by_curl = await curl(require, "--http2", "-w", " %{http_version}", url)
            by_nghttp = await run(require("nghttp"), "-v", "--upgrade", url)

    assert by_curl == "GET /a HTTP/1.1 2"
    assert "101 Switching Protocols" in by_nghttp
    assert "GET /a HTTP/1.1" in by_nghttp


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fast", "reference"])
async def test_nghttp_reaches_an_endpoint_of_http1(engine: str, require: Callable[[str], str]) -> None:
    async with (
        stub(answering(echo)) as endpoint,
        proxy(h2(endpoint.port, engine, client={"protocol": "http/1.1"})) as it,
    ):
        url = f"http://127.0.0.1:{it.ports[0]}/a"

        said = await run(require("nghttp"), "-v", url)

    assert ":status: 200" in said
    assert "GET /a HTTP/1.1" in said


@pytest.mark.slow
async def test_nghttpd_is_reached_with_tls_on_both_sides(require: Callable[[str], str], tmp_path: pathlib.Path) -> None:
    authority = Authority(tmp_path)
    files = authority.issue("web.example")
    (tmp_path / "page").write_text("a page")
    port = free_port()
    tls = {"commonName": "web.example", "trustCertsBundle": authority.path}
    with started(require("nghttpd"), "-d", str(tmp_path), str(port), str(files.key), str(files.cert)):
        await listening(port)
        text = h2(port, server={"tls": files.keys()}, client={"tls": tls, "protocol": "auto"})
        async with proxy(text) as running:
            resolve = ["--resolve", f"web.example:{running.ports[0]}:127.0.0.1", "--cacert", str(authority.path)]
            url = f"https://web.example:{running.ports[0]}/page"
            framed = await curl(require, "--http2", *resolve, "-w", " %{http_version}", url)
            plain = await curl(require, "--http1.1", *resolve, "-w", " %{http_version}", url)

    assert (framed, plain) == ("a page 2", "a page 1.1")


@contextlib.contextmanager
def started(*command: str) -> Iterator[None]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def listening(port: int) -> None:
    """Wait until something listens."""
    with trio.fail_after(10):
        while True:
            try:
                stream = await trio.open_tcp_stream("127.0.0.1", port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return
