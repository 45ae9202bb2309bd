"""How calls end whose endpoints do not end them as they should, and what strangers hear of it."""

import pytest

from mesh_plugins.grpc.messages import encode
from tests.e2e.h2_peers import Message, Pairs, Said, ask, endpoint
from tests.plugins.rest import numbers
from tests.proxies import one, proxy, stacks

pytestmark = pytest.mark.slow

CALL: Pairs = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"a.test"),
    (b":path", b"/pkg.Svc/M"),
    (b"content-type", b"application/grpc"),
    (b"te", b"trailers"),
]
HEAD: Pairs = [(b":status", b"200"), (b"content-type", b"application/grpc")]
OK = Said(HEAD, encode(b"hi"), [(b"grpc-status", b"0")])
NEVER = {"responseClassifier": {"kind": "io.l5d.h2.grpc.neverRetryable"}}
INTERNAL_ERROR, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 2, 7, 8, 11


@pytest.mark.parametrize(
    ("code", "status"),
    [(INTERNAL_ERROR, b"13"), (CANCEL, b"1"), (ENHANCE_YOUR_CALM, b"8"), (12, b"7")],
)
@pytest.mark.parametrize("body", [b"", encode(b"hi")], ids=["head", "message"])
async def test_a_stream_that_its_endpoint_resets_ends_with_a_status(code: int, status: bytes, body: bytes) -> None:
    said = Said(HEAD, body, reset=code)
    async with (
        endpoint(lambda _request: said) as server,
        proxy(stacks(one(server.port, protocol="h2", service=NEVER))) as running,
    ):
        answer = await ask(running.ports[0], CALL, encode(b""))
        open_ = numbers(running.linker.metrics, "rt/h2")

    assert (answer.field(b":status"), answer.field(b"grpc-status"), answer.reset) == (b"200", status, None)
    assert f"reset the stream with code {code}".encode() in (answer.field(b"grpc-message") or b"")
    assert sum(number for name, number in open_.items() if name.endswith("stream/open_streams")) == 0


async def test_a_call_that_one_endpoint_refuses_goes_to_another() -> None:
    refused: list[Message] = []

    def refuse_once(request: Message) -> Said:
        refused.append(request)
        return Said([], reset=REFUSED_STREAM) if len(refused) == 1 else OK

    async with (
        endpoint(refuse_once) as server,
        proxy(stacks(one(server.port, protocol="h2", service=NEVER))) as running,
    ):
        answer = await ask(running.ports[0], CALL, encode(b""))

    assert (answer.field(b"grpc-status"), len(refused)) == (b"0", 2)


async def test_strangers_hear_no_names_and_addresses() -> None:
    said = Said(HEAD, encode(b"hi"), reset=INTERNAL_ERROR)
    servers = [{"port": 0, "profile": "edge"}]
    async with (
        endpoint(lambda _request: said) as server,
        proxy(stacks(one(server.port, protocol="h2", servers=servers))) as running,
        proxy(stacks(one("", protocol="h2", servers=servers))) as nowhere,
    ):
        broken = await ask(running.ports[0], CALL, encode(b""))
        unroutable = await ask(nowhere.ports[0], CALL, encode(b""))

    assert [answer.field(b"grpc-status") for answer in (broken, unroutable)] == [b"13", b"14"]
    assert [answer.field(b"grpc-message") for answer in (broken, unroutable)] == [None, None]
    assert unroutable.field(b"x-request-id") is not None


async def test_what_is_no_call_keeps_its_own_answers() -> None:
    get = [(b":method", b"GET"), *CALL[1:4]]
    html = Said([(b":status", b"503"), (b"content-type", b"text/html")], b"busy")
    async with (
        endpoint(lambda _request: html) as server,
        proxy(stacks(one(server.port, protocol="h2"))) as running,
        proxy(stacks(one("", protocol="h2"))) as nowhere,
    ):
        answers = [await ask(each.ports[0], get) for each in (running, nowhere)]

    assert [answer.field(b":status") for answer in answers] == [b"503", b"502"]
    assert (answers[0].body, answers[1].body.startswith(b"Unable to route")) == (b"busy", True)
